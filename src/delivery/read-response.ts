// Reads one answer out of what a connection brings (RFC 9112), as far as a delivery needs it: the
// status, Retry-After, and where the body ends, so that the next request can follow on the same
// connection. What is held of it is bounded: the head, and a line between two chunks.

/** Past this the head is refused; nothing longer is ever held of it. */
const MAX_HEAD_BYTES = 64 * 1024;
/** Nobody reads a body, and none is unpacked; what is longer costs the connection. */
const MAX_BODY_BYTES = 16 * 1024;

/** How the body ended: by itself, cut off for its length, or because it never came to its end. */
export type Drain = "ended" | "too-long" | "unfinished";

export type ResponseProblem =
  | "malformed-response"
  | "head-too-large"
  | "invalid-content-length"
  | "unsupported-transfer-encoding"
  | "unrequested-upgrade"
  | `status-${number}`;

export interface Head {
  status: number;
  retryAfter: string | null;
  /** Where a redirect leads to, as the receiver wrote it. */
  location: string | null;
  /** What comes behind it: nothing, so many bytes, chunks, or whatever comes until the connection ends. */
  body: number | "chunked" | "until-close";
  keepsAlive: boolean;
}

const PROTOCOL = "HTTP/1.";
const STATUS_LINE = /^HTTP\/1\.(\d) (\d{3})(?: [^\r\n]*)?\r?\n/;
/**
 * RFC 9110 §5.1 and §5.5: a token, a colon, a value. The white space around the value is not taken off
 * here: to look for it twice would try every way to share it out, and a receiver could stop the process.
 */
const FIELD_LINE = /([!#$%&'*+.^_`|~\w-]+):([^\r\n\0]*)\r?\n/y;
/** RFC 9112 §5.2: a line that begins with white space belongs to the one before. */
const FOLDED = /\r?\n[ \t]+/g;
const DIGITS = /^\d{1,15}$/;

/** Of what is kept from one answer to the next. */
const MOST_REMEMBERED = 1_024;
let lastText = "";
let lastHead: Readonly<Head> | ResponseProblem = "malformed-response";

/**
 * `text` ends with the empty line. A receiver says the same until its clock's next second: what is read
 * again costs a seventh (measured).
 */
export function readHead(text: string): Readonly<Head> | ResponseProblem {
  if (text === lastText) return lastHead;
  const head = parseHead(text);
  if (text.length <= MOST_REMEMBERED) {
    lastText = text;
    lastHead = head;
  }
  return head;
}

function parseHead(text: string): Head | ResponseProblem {
  const statusLine = STATUS_LINE.exec(text);
  if (statusLine === null) return "malformed-response";
  const minor = Number(statusLine[1]);
  const status = Number(statusLine[2]);
  // RFC 9110 §15: 100 to 599. What is above is answered by somebody, and told as it is.
  if (status < 100) return `status-${status}`;
  const fields = text.includes("\n ") || text.includes("\n\t") ? text.replace(FOLDED, " ") : text;
  let retryAfter: string | null = null;
  let location: string | null = null;
  let length: number | null = null;
  let coding: string | null = null;
  let saysClose = false;
  let saysKeepAlive = minor > 0;
  let at = fields === text ? statusLine[0].length : fields.indexOf("\n") + 1;
  const end = fields.length - (fields.endsWith("\r\n") ? 2 : 1);
  while (at < end) {
    FIELD_LINE.lastIndex = at;
    const field = FIELD_LINE.exec(fields);
    if (field === null) return "malformed-response";
    at = FIELD_LINE.lastIndex;
    const value = withoutSpaceAround(field[2] ?? "");
    switch (field[1]?.toLowerCase()) {
      case "retry-after":
        retryAfter ??= value;
        break;
      case "location":
        location ??= value;
        break;
      case "content-length": {
        const given = readLength(value);
        // RFC 9112 §6.3: two that differ, and nobody knows where the answer ends.
        if (given === null || (length !== null && length !== given))
          return "invalid-content-length";
        length = given;
        break;
      }
      case "transfer-encoding":
        coding = coding === null ? value : `${coding}, ${value}`;
        break;
      case "connection":
        for (const option of value.toLowerCase().split(",")) {
          if (option.trim() === "close") saysClose = true;
          if (option.trim() === "keep-alive") saysKeepAlive = true;
        }
    }
  }
  if (status === 101) return "unrequested-upgrade";
  const keepsAlive = saysKeepAlive && !saysClose;
  if (status < 200 || status === 304) return { status, retryAfter, location, body: 0, keepsAlive };
  if (status === 204) {
    // It has no body, but one that announces one may send it all the same.
    const isEmpty = coding === null && (length ?? 0) === 0;
    return { status, retryAfter, location, body: 0, keepsAlive: keepsAlive && isEmpty };
  }
  if (coding === null) {
    if (length === null)
      return { status, retryAfter, location, body: "until-close", keepsAlive: false };
    return { status, retryAfter, location, body: length, keepsAlive };
  }
  // Whatever the content is packed in: only the framing matters here.
  if (!/(?:^|,)[ \t]*chunked$/i.test(coding)) return "unsupported-transfer-encoding";
  // RFC 9112 §6.3: beside a length, or from HTTP/1.0, the connection is not to be trusted any more.
  return {
    status,
    retryAfter,
    location,
    body: "chunked",
    keepsAlive: keepsAlive && length === null && minor > 0,
  };
}

/** RFC 9110 §8.6: a list of the same length over and over is that length. */
function readLength(value: string): number | null {
  if (DIGITS.test(value)) return Number(value);
  const all = new Set(value.split(",").map((one) => one.trim()));
  const [only = ""] = all;
  return all.size === 1 && DIGITS.test(only) ? Number(only) : null;
}

/** Spaces and tabs only: a no-break space is part of the value. */
function withoutSpaceAround(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value.charCodeAt(start))) start += 1;
  while (end > start && isSpace(value.charCodeAt(end - 1))) end -= 1;
  return value.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

const LF = 0x0a;
const CR = 0x0d;

/** Where the empty line behind a head ends, or -1; RFC 9112 §2.2 lets CR be missing. */
export function headEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = bytes.indexOf(LF, from); at !== -1 && at < to; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF && at + 1 < to) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF && at + 2 < to) return at + 3;
  }
  return -1;
}

/** One answer after the other on one connection. `begin` before each. */
export class ResponseReader {
  /** Set once status line and headers are in. */
  head: Readonly<Head> | null = null;
  /** Set where what came is no answer. */
  problem: ResponseProblem | null = null;
  /** Set once the body has ended, in one way or another. */
  end: Drain | null = null;
  /** Anything at all has come. */
  hasBegun = false;
  /** The body has ended, and more came behind it. */
  hasMore = false;
  #held: Buffer | null = null;
  #heldBytes = 0;
  #bodyBytes = 0;
  #chunks: Chunks | null = null;

  begin(): void {
    this.head = this.problem = this.end = this.#held = this.#chunks = null;
    this.hasBegun = this.hasMore = false;
    this.#heldBytes = this.#bodyBytes = 0;
  }

  read(bytes: Buffer): void {
    this.hasBegun = true;
    let at = 0;
    while (this.head === null) {
      at = this.#readHead(bytes, at);
      if (at === -1) return;
    }
    if (this.end === null) this.#readBody(this.head, bytes, at);
    else if (at < bytes.length) this.hasMore = true;
  }

  /** The connection ends here. */
  close(): void {
    if (this.head === null || this.end !== null) return;
    this.end = this.head.body === "until-close" ? "ended" : "unfinished";
  }

  /** Where the body begins, or the next head behind a 1xx; -1: wait for more, or there is a problem. */
  #readHead(bytes: Buffer, from: number): number {
    let text: string;
    let end: number;
    if (this.#held === null) {
      end = headEnd(bytes, from, bytes.length);
      if (end === -1 || end - from > MAX_HEAD_BYTES) return this.#hold(bytes, from);
      text = bytes.toString("latin1", from, end);
    } else {
      const before = this.#heldBytes;
      const taken = Math.min(bytes.length - from, MAX_HEAD_BYTES - before);
      this.#hold(bytes, from);
      const inHeld = headEnd(this.#held, Math.max(0, before - 2), before + taken);
      if (inHeld === -1) return -1;
      this.problem = null;
      text = this.#held.toString("latin1", 0, inHeld);
      end = from + inHeld - before;
      this.#held = null;
      this.#heldBytes = 0;
    }
    const head = readHead(text);
    if (typeof head === "string") {
      this.problem = head;
      return -1;
    }
    // RFC 9110 §15.2: there may be any number of them; the deadline ends them.
    if (head.status < 200) return end < bytes.length ? end : -1;
    this.head = head;
    if (head.body === 0) this.end = "ended";
    else if (typeof head.body === "number" && head.body > MAX_BODY_BYTES) this.end = "too-long";
    return end;
  }

  /** Always -1: more is needed. */
  #hold(bytes: Buffer, from: number): -1 {
    const length = this.#heldBytes + bytes.length - from;
    if (length > MAX_HEAD_BYTES) this.problem = "head-too-large";
    const kept = Math.min(length, MAX_HEAD_BYTES);
    if (this.#held === null || this.#held.length < kept) {
      // Doubled, or a head that comes byte by byte would be copied as often.
      const grown = Buffer.allocUnsafeSlow(Math.min(MAX_HEAD_BYTES, Math.max(1_024, 2 * kept)));
      this.#held?.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldBytes, from, from + kept - this.#heldBytes);
    this.#heldBytes = kept;
    // What speaks something else may never come to an empty line.
    const begins = this.#held.toString("latin1", 0, Math.min(kept, PROTOCOL.length));
    if (!PROTOCOL.startsWith(begins)) this.problem = "malformed-response";
    return -1;
  }

  #readBody({ body }: Readonly<Head>, bytes: Buffer, from: number): void {
    this.#bodyBytes += bytes.length - from;
    if (typeof body === "number") {
      if (this.#bodyBytes < body) return;
      this.end = "ended";
      this.hasMore = this.#bodyBytes > body;
      return;
    }
    if (body === "chunked") {
      const chunks = (this.#chunks ??= new Chunks());
      const at = chunks.read(bytes, from);
      if (chunks.hasEnded) {
        this.end = "ended";
        this.hasMore = at < bytes.length;
      } else if (chunks.isBroken) {
        this.end = "unfinished";
      }
    }
    if (this.end === null && this.#bodyBytes > MAX_BODY_BYTES) this.end = "too-long";
  }
}

const CHUNK_SIZE = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i;

/** RFC 9112 §7.1. Looks for the end only. */
class Chunks {
  hasEnded = false;
  isBroken = false;
  /** Of the chunk that is being read. */
  #left = 0;
  #line = "";
  #expects: "size" | "end-of-chunk" | "trailer" = "size";

  /** Where it stopped: behind the last chunk, where `hasEnded`. */
  read(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at);
        this.#left -= taken;
        at += taken;
        continue;
      }
      const lf = bytes.indexOf(LF, at);
      this.#line += bytes.toString("latin1", at, lf === -1 ? bytes.length : lf);
      if (lf === -1) return bytes.length;
      at = lf + 1;
      const line = this.#line.endsWith("\r") ? this.#line.slice(0, -1) : this.#line;
      this.#line = "";
      this.#readLine(line);
      if (this.hasEnded || this.isBroken) return at;
    }
    return at;
  }

  #readLine(line: string): void {
    if (this.#expects === "trailer") {
      this.hasEnded = line === "";
    } else if (this.#expects === "end-of-chunk") {
      this.isBroken = line !== "";
      this.#expects = "size";
    } else {
      const size = CHUNK_SIZE.exec(line)?.[1];
      this.isBroken = size === undefined;
      this.#left = Number.parseInt(size ?? "0", 16);
      this.#expects = this.#left === 0 ? "trailer" : "end-of-chunk";
    }
  }
}
