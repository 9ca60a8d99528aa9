// Reads one answer out of what a connection brings (RFC 9112): its head, and where its body ends, so
// that the next request can follow on the same connection. What is held of it is bounded: the head,
// and a line between two chunks.
import type { Drain } from "./answer.ts";
import {
  headEnd,
  isField,
  LF,
  readHead,
  type Head,
  type ResponseProblem,
} from "./response-head.ts";

/** Past this the head is refused; nothing longer is ever held of it. */
const MAX_HEAD_BYTES = 64 * 1024;
/** Nobody reads a body, and none is unpacked; what is longer costs the connection. */
const MAX_BODY_BYTES = 16 * 1024;

const PROTOCOL = "HTTP/";

/** One answer after the other on one connection. `begin` before each. */
export class ResponseReader {
  /** Set once status line and headers are in. */
  head: Readonly<Head> | null = null;
  /** Set where what came is no answer. */
  problem: ResponseProblem | null = null;
  /** Set once the body has ended, in one way or another. */
  end: Drain | null = null;
  /** Anything at all has come. */
  hasReceivedBytes = false;
  /** The body has ended, and more came behind it, or what others may take for more. */
  hasMore = false;
  /** As far as the 1xx before the answer say. */
  #keepsAlive = true;
  #held: Buffer | null = null;
  #heldBytes = 0;
  #bodyBytes = 0;
  #chunks: Chunks | null = null;

  begin(): void {
    this.head = this.problem = this.end = this.#held = this.#chunks = null;
    this.hasReceivedBytes = this.hasMore = false;
    this.#keepsAlive = true;
    this.#heldBytes = this.#bodyBytes = 0;
  }

  read(bytes: Buffer): void {
    this.hasReceivedBytes = true;
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
    if (head.status < 200) {
      this.#keepsAlive &&= head.keepsAlive;
      return end < bytes.length ? end : -1;
    }
    this.head = this.#keepsAlive ? head : { ...head, keepsAlive: false };
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
        this.hasMore = at < bytes.length || chunks.hasOddTrailer;
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
  /** One line of it is no field, so others may see an end elsewhere. */
  hasOddTrailer = false;
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
      this.hasOddTrailer ||= !this.hasEnded && !isField(line);
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
