// Reads one response after the other from a connection (RFC 9112): the head, and where the body ends, so
// that the next request can follow on the same connection.
import type { Drain } from "./answer.ts";
import { ChunkedBody } from "./chunked-body.ts";
import { HeadReader } from "./head-reader.ts";
import { readHead, type Head, type ResponseProblem } from "./response-head.ts";
import type { Transcript } from "./transcript.ts";

/** Bodies are neither used nor decompressed; a longer one costs the connection. */
const MAX_BODY_BYTES = 16 * 1024;

/** Call `begin` before each response. */
export class ResponseReader {
  /** Set once status line and headers are complete. */
  head: Readonly<Head> | null = null;
  /** Set if what arrived is not a response. */
  problem: ResponseProblem | null = null;
  /** Set once the body has ended or is given up. */
  end: Drain | null = null;
  hasReceivedBytes = false;
  /** Bytes follow the body, or another parser may think that some do. */
  hasMore = false;
  /** Whether the 1xx heads before the response allow another request. */
  #keepsAlive = true;
  readonly #heads = new HeadReader();
  #bodyBytes = 0;
  #chunks: ChunkedBody | null = null;
  #transcript: Transcript | null = null;

  /** What is read is added to the transcript, if there is one. */
  begin(transcript: Transcript | null = null): void {
    this.#transcript = transcript;
    this.head = this.problem = this.end = this.#chunks = null;
    this.hasReceivedBytes = this.hasMore = false;
    this.#keepsAlive = true;
    this.#bodyBytes = 0;
    this.#heads.begin();
  }

  read(bytes: Buffer): void {
    this.hasReceivedBytes = true;
    let at = 0;
    while (this.head === null) {
      const text = this.#heads.read(bytes, at);
      this.problem = this.#heads.problem;
      if (text === null) return;
      at = this.#heads.end;
      this.#takeHead(readHead(text));
      if (this.head !== null && this.#transcript !== null) this.#transcript.responseHead = text;
      if (this.problem !== null || (this.head === null && at === bytes.length)) return;
    }
    if (this.end === null) this.#readBody(this.head, bytes, at);
    else if (at < bytes.length) this.hasMore = true;
  }

  /** Call it when the connection has ended. */
  close(): void {
    if (this.head === null || this.end !== null) return;
    this.end = this.head.body === "until-close" ? "ended" : "unfinished";
  }

  #takeHead(head: Readonly<Head> | ResponseProblem): void {
    if (typeof head === "string") {
      this.problem = head;
      return;
    }
    // RFC 9110 §15.2: any number of 1xx heads may come first; the deadline bounds them.
    if (head.status < 200) {
      this.#keepsAlive &&= head.keepsAlive;
      return;
    }
    this.head = this.#keepsAlive ? head : { ...head, keepsAlive: false };
    if (head.body === 0) this.end = "ended";
    else if (this.#isTooLong(head)) this.end = "too-long";
  }

  /** The beginning of a body that is announced as too long is awaited for the transcript only. */
  #isTooLong({ body }: Readonly<Head>): boolean {
    if (typeof body !== "number" || body <= MAX_BODY_BYTES) return false;
    return this.#transcript === null || this.#transcript.hasWholeExcerpt;
  }

  #readBody(head: Readonly<Head>, bytes: Buffer, from: number): void {
    const { body } = head;
    this.#bodyBytes += bytes.length - from;
    if (typeof body === "number") {
      const tooMany = Math.max(0, this.#bodyBytes - body);
      this.#transcript?.addBody(bytes, from, bytes.length - tooMany);
      if (this.#isTooLong(head)) {
        this.end = "too-long";
        return;
      }
      if (this.#bodyBytes < body) return;
      this.end = "ended";
      this.hasMore = this.#bodyBytes > body;
      return;
    }
    if (body === "chunked") {
      const chunks = (this.#chunks ??= new ChunkedBody(this.#transcript));
      const at = chunks.read(bytes, from);
      if (chunks.hasEnded) {
        this.end = "ended";
        this.hasMore = at < bytes.length || chunks.hasOddTrailer;
      } else if (chunks.isBroken) {
        this.end = "unfinished";
      }
    } else {
      this.#transcript?.addBody(bytes, from, bytes.length);
    }
    if (this.end === null && this.#bodyBytes > MAX_BODY_BYTES) this.end = "too-long";
  }
}
