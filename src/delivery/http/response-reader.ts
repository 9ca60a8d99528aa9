// Reads one response after the other from a connection (RFC 9112): the head, and where the body ends, so
// that the next request can follow on the same connection. Keeps head and body for a request that asks for them.
import type { Content, Drain } from "./answer.ts";
import { ChunkedBody } from "./chunked-body.ts";
import { HeadReader } from "./head-reader.ts";
import { readHead, type Head, type ResponseProblem } from "./response-head.ts";
import type { Transcript } from "./transcript.ts";

/** Bodies that nobody asked for are not used; a longer one costs the connection. */
const MAX_BODY_BYTES = 16 * 1024;

/** A chunk of one byte takes six, and some servers pad its size. */
const CHUNK_OVERHEAD = 8;

/** What a request says about how its response is read. */
export interface Reading {
  /** Keep head and body, up to this many bytes of body; 0: keep nothing. */
  keepBytes: number;
  /** RFC 9112 §6.3: the response to HEAD has no body, whatever its headers say. */
  isHead: boolean;
}

export const KEEP_NOTHING: Reading = { keepBytes: 0, isHead: false };

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
  #reading = KEEP_NOTHING;
  #headText = "";
  #kept: Buffer[] = [];
  #keptBytes = 0;

  /** What is read is added to the transcript, if there is one. */
  begin(transcript: Transcript | null = null, reading = KEEP_NOTHING): void {
    this.#transcript = transcript;
    this.#reading = reading;
    this.#headText = "";
    this.#kept = [];
    this.#keptBytes = 0;
    this.head = this.problem = this.end = this.#chunks = null;
    this.hasReceivedBytes = this.hasMore = false;
    this.#keepsAlive = true;
    this.#bodyBytes = 0;
    this.#heads.begin();
  }

  /** What was kept; null if the body was longer than asked for, or has not ended as it should. */
  get content(): Content | null {
    if (this.end !== "ended") return null;
    return { head: this.#headText, body: Buffer.concat(this.#kept) };
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
      if (this.head !== null && this.#isKept) this.#headText = text;
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
    if (head.body === 0 || this.#reading.isHead) this.end = "ended";
    else if (this.#isTooLong(head)) this.end = "too-long";
  }

  /** The beginning of a body that is announced as too long is awaited for the transcript only. */
  #isTooLong({ body }: Readonly<Head>): boolean {
    if (typeof body !== "number" || body <= this.#maxBytes) return false;
    return this.#transcript === null || this.#transcript.hasWholeExcerpt;
  }

  get #isKept(): boolean {
    return this.#reading.keepBytes > 0;
  }

  get #maxBytes(): number {
    return this.#reading.keepBytes || MAX_BODY_BYTES;
  }

  /** Copied: a view would keep the socket's whole chunk in memory. */
  #keep(content: Buffer): void {
    this.#keptBytes += content.length;
    if (this.#keptBytes > this.#reading.keepBytes) this.end = "too-long";
    else this.#kept.push(Buffer.from(content));
  }

  #readBody(head: Readonly<Head>, bytes: Buffer, from: number): void {
    const { body } = head;
    this.#bodyBytes += bytes.length - from;
    if (typeof body === "number") {
      const tooMany = Math.max(0, this.#bodyBytes - body);
      this.#transcript?.addBody(bytes, from, bytes.length - tooMany);
      if (this.#isKept) this.#keep(bytes.subarray(from, bytes.length - tooMany));
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
      const keep = this.#isKept ? (content: Buffer) => this.#keep(content) : null;
      const chunks = (this.#chunks ??= new ChunkedBody(this.#transcript, keep));
      const at = chunks.read(bytes, from);
      if (this.end !== null) return;
      if (chunks.hasEnded) {
        this.end = "ended";
        this.hasMore = at < bytes.length || chunks.hasOddTrailer;
      } else if (chunks.isBroken) {
        this.end = "unfinished";
      }
    } else {
      this.#transcript?.addBody(bytes, from, bytes.length);
      if (this.#isKept) this.#keep(bytes.subarray(from));
    }
    const maxBytes = this.#isKept ? CHUNK_OVERHEAD * this.#maxBytes : this.#maxBytes;
    if (this.end === null && this.#bodyBytes > maxBytes) this.end = "too-long";
  }
}
