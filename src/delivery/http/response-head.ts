// Reads the head of one answer, as far as a delivery needs it: the status, two headers, and what frames
// the body. It accepts what curl or Node accepts (test/delivery/differential.test.ts); where that leaves
// the framing in doubt, the status counts and the connection is not used again.

export const LF = 0x0a;
const CR = 0x0d;

export type ResponseProblem =
  "malformed-response" | "head-too-large" | "unrequested-upgrade" | `status-${number}`;

export interface Head {
  status: number;
  retryAfter: string | null;
  /** Where a redirect leads to, as the receiver wrote it. */
  location: string | null;
  /** What comes behind it: nothing, so many bytes, chunks, or whatever comes until the connection ends. */
  body: number | "chunked" | "until-close";
  keepsAlive: boolean;
}

const STATUS_LINE = /^HTTP\/1\.(\d) (\d{3})(?: [^\r\n]*)?\r?\n/;
/** Odd blanks, an odd version, a CR in the reason. */
const LENIENT_STATUS_LINE = /^HTTP\/\d+(?:\.\d+)?[ \t]+(\d{3})(?!\d)[^\n\0]*\n/;
/**
 * RFC 9110 §5.1 and §5.5: a token, a colon, a value. The white space around the value is not taken off
 * here: to look for it twice would try every way to share it out, and a receiver could stop the process.
 */
const FIELD_LINE = /([!#$%&'*+.^_`|~\w-]+):([^\r\n\0]*)\r?\n/y;
/** A blank in the name or behind it, a name of other characters, a CR in the value. */
const LENIENT_FIELD_LINE = /([^:\n\0]*):([^\n\0]*)\n/y;
/** RFC 9112 §5.2: a line that begins with white space belongs to the one before. */
const FOLDED = /\r?\n[ \t]+/g;
const DIGITS = /^\d{1,15}$/;
const ENDS_IN_CHUNKED = /(?:^|,)[ \t]*chunked$/i;

/** Of what is kept from one answer to the next. */
const MAX_CACHED_CHARACTERS = 1_024;
let lastText = "";
let lastHead: Readonly<Head> | ResponseProblem = "malformed-response";

/**
 * `text` ends with the empty line. A receiver says the same until its clock's next second: what is read
 * again costs a seventh (measured).
 */
export function readHead(text: string): Readonly<Head> | ResponseProblem {
  if (text === lastText) return lastHead;
  const head = parseHead(text);
  if (text.length <= MAX_CACHED_CHARACTERS) {
    lastText = text;
    lastHead = head;
  }
  return head;
}

function parseHead(text: string): Head | ResponseProblem {
  const statusLine = STATUS_LINE.exec(text);
  const [, lenientStatus] = statusLine === null ? (LENIENT_STATUS_LINE.exec(text) ?? []) : [];
  const minor = Number(statusLine?.[1] ?? 0);
  const status = Number(statusLine?.[2] ?? lenientStatus ?? Number.NaN);
  if (Number.isNaN(status)) return "malformed-response";
  // RFC 9110 §15: 100 to 599. What is above is answered by somebody, and told as it is.
  if (status < 100) return `status-${status}`;
  const fields = text.includes("\n ") || text.includes("\n\t") ? text.replace(FOLDED, " ") : text;
  let retryAfter: string | null = null;
  let location: string | null = null;
  let length: number | null = null;
  let coding: string | null = null;
  let saysClose = false;
  let saysKeepAlive = minor > 0;
  // Others may read another framing out of it, so a next answer might not be told from the rest of
  // this one. RFC 9112 §2.2: a field must not begin with white space behind the status line.
  let isDoubtful = statusLine === null || isBlank(text.charCodeAt(text.indexOf("\n") + 1));
  let at = fields.indexOf("\n") + 1;
  const end = fields.length - (fields.endsWith("\r\n") ? 2 : 1);
  while (at < end) {
    FIELD_LINE.lastIndex = LENIENT_FIELD_LINE.lastIndex = at;
    const strict = FIELD_LINE.exec(fields);
    const field = strict ?? LENIENT_FIELD_LINE.exec(fields);
    if (field === null) return "malformed-response";
    if (strict === null) isDoubtful = true;
    at += field[0].length;
    const value = withoutSpaceAround(field[2] ?? "");
    switch (withoutSpaceAround(field[1] ?? "").toLowerCase()) {
      case "retry-after":
        retryAfter ??= value;
        break;
      case "location":
        location ??= value;
        break;
      case "content-length": {
        // RFC 9112 §6.3: where two differ, nobody knows where the answer ends; Node refuses equal ones.
        if (length !== null || !DIGITS.test(value)) isDoubtful = true;
        length ??= readLength(value);
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
  const said = { status, retryAfter, location };
  const keepsAlive = saysKeepAlive && !saysClose && !isDoubtful;
  if (status < 200 || status === 304) return { ...said, body: 0, keepsAlive };
  if (status === 204) {
    // It has no body, but one that announces one may send it all the same.
    const isEmpty = coding === null && (length ?? 0) === 0;
    return { ...said, body: 0, keepsAlive: keepsAlive && isEmpty };
  }
  // Whatever the content is packed in: only the framing matters here. RFC 9112 §6.3: beside a length,
  // or from HTTP/1.0, the connection is not to be trusted any more.
  if (coding !== null && ENDS_IN_CHUNKED.test(coding)) {
    return { ...said, body: "chunked", keepsAlive: keepsAlive && length === null && minor > 0 };
  }
  // RFC 9112 §6.3: with another coding it lasts until the connection ends. A length beside it says
  // when there is nothing more to wait for.
  const isFramed = coding === null && length !== null;
  return { ...said, body: length ?? "until-close", keepsAlive: keepsAlive && isFramed };
}

/** Of a line without its end. */
export function isField(line: string): boolean {
  FIELD_LINE.lastIndex = 0;
  return FIELD_LINE.test(`${line}\n`);
}

/** RFC 9110 §8.6: a list of the same length over and over is that length. */
function readLength(value: string): number | null {
  if (DIGITS.test(value)) return Number(value);
  const all = new Set(value.split(",").map((one) => one.trim()));
  const [only = ""] = all;
  return all.size === 1 && DIGITS.test(only) ? Number(only) : null;
}

/** A no-break space is part of the value. */
function withoutSpaceAround(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value.charCodeAt(start))) start += 1;
  while (end > start && isSpace(value.charCodeAt(end - 1))) end -= 1;
  return value.slice(start, end);
}

const isBlank = (code: number) => code === 0x20 || code === 0x09;
const isSpace = (code: number) => isBlank(code) || code === CR;

/** Where the empty line behind a head ends, or -1; RFC 9112 §2.2 lets CR be missing. */
export function headEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = bytes.indexOf(LF, from); at !== -1 && at < to; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF && at + 1 < to) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF && at + 2 < to) return at + 3;
  }
  return -1;
}
