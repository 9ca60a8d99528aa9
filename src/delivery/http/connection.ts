// One connection to an approved address: a request, its answer, the next request. What the remote
// does comes out as a value; nothing here throws.
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Deadline } from "../../deadline.ts";
import { socketCode, connectionFailure, TIMED_OUT, type Failure } from "./failure.ts";
import type { Head } from "./response-head.ts";
import { DRAINED, type Answer, type Drain } from "./answer.ts";
import { ResponseReader } from "./response-reader.ts";

/**
 * The outcome is fixed by the head; a body is waited for a little, for a finished one lets the
 * connection live. Spread, so that many that never end do not all end in the same moment.
 */
const MIN_DRAIN_MS = 500;
const MAX_DRAIN_MS = 1_000;

/** Requests are put together in one place: a buffer each was a fifth of all garbage (measured). */
const OUTGOING_BYTES = 64 * 1024;
const newOutgoing = () => Buffer.allocUnsafeSlow(OUTGOING_BYTES);
let outgoing = newOutgoing();

/**
 * A connection that the receiver ended while it was idle shows that within one round trip of the next
 * write. The close is seen up to this much later: `responsiveNow` may be 20 ms behind, and what else
 * came in at the same time is handled first (observed: 24 ms with 64 requests at once).
 */
const SEEN_LATE_MS = 50;

/** RFC 9110 §15.5.9: some servers send it when they end an idle connection. */
const REQUEST_TIMEOUT = 408;

export interface ConnectionOptions {
  /** Where it leads to; connections with the same one stand for each other. */
  key: string;
  /** An upper bound of the round trip's time, from how long the connection took to open. */
  roundTripMs: number;
  /** Milliseconds on a clock that never goes back; see `responsiveNow`. */
  now: () => number;
  /** It can carry the next request. */
  onFree: (connection: Connection) => void;
  onClosed: (connection: Connection) => void;
}

export class Connection {
  /** When the last answer ended, by `performance.now()`. */
  freeSinceMs = 0;
  readonly #reader = new ResponseReader();
  /** Of the request under way; null while there is none. */
  #deadline: Deadline | null = null;
  #resolveAnswer: ((answer: Answer) => void) | null = null;
  #resolveDrained: ((drain: Drain) => void) | null = null;
  #errorCode: string | null = null;
  /** Of all requests the same function, for the deadline to call. */
  readonly #onDeadline = () => {
    if (this.#resolveAnswer) this.#fail(TIMED_OUT);
    else this.#finish("unfinished");
  };

  readonly key: string;
  #roundTripMs: number;
  #requests = 0;
  #wroteAtMs = 0;
  #wasIdle = false;

  constructor(
    private readonly socket: Socket,
    private readonly options: ConnectionOptions,
  ) {
    this.key = options.key;
    this.#roundTripMs = options.roundTripMs;
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("error", (error) => (this.#errorCode ??= socketCode(error)));
    socket.on("end", () => this.#end());
    socket.on("close", () => this.#end());
  }

  get isOpen(): boolean {
    return this.socket.writable && !this.socket.destroyed;
  }

  /**
   * The receiver had ended this connection before the last request reached it, so the request may be
   * sent once more (RFC 9112 §9.3.1). One that ended later may have been worked on.
   */
  get wasIdle(): boolean {
    return this.#wasIdle;
  }

  /** One at a time. Takes the deadline over: cleared when the answer's body has ended. */
  post(head: string, body: Uint8Array, deadline: Deadline): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#reader.begin();
    this.#requests += 1;
    this.#wroteAtMs = this.options.now();
    this.#deadline = deadline;
    this.#resolveAnswer = resolve;
    deadline.whenPassed(this.#onDeadline);
    if (!deadline.hasPassed) this.#write(head, body);
    return promise;
  }

  /** Head and body in one piece: in two, a receiver would see two packets. */
  #write(head: string, body: Uint8Array): void {
    const length = head.length + body.byteLength;
    // With TLS nobody says when the bytes are no longer needed.
    const isShared = length <= OUTGOING_BYTES && !(this.socket instanceof TLSSocket);
    const request = isShared ? outgoing.subarray(0, length) : Buffer.allocUnsafe(length);
    request.write(head, 0, "latin1");
    request.set(body, head.length);
    this.socket.write(request);
    // The socket could not take all of it, and goes on from there.
    if (isShared && this.socket.writableLength > 0) outgoing = newOutgoing();
  }

  destroy(): void {
    this.socket.destroy();
  }

  get #isReused(): boolean {
    return this.#requests > 1;
  }

  #sinceWriteMs(): number {
    return this.options.now() - this.#wroteAtMs;
  }

  #read(bytes: Buffer): void {
    // Nobody has asked: what it would answer is not known, so it answers nothing.
    if (this.#deadline === null) return this.destroy();
    const reader = this.#reader;
    // The first byte of an answer takes a round trip at least.
    if (!reader.hasReceivedBytes)
      this.#roundTripMs = Math.min(this.#roundTripMs, this.#sinceWriteMs());
    reader.read(bytes);
    if (this.#resolveAnswer) {
      if (reader.problem) {
        return this.#fail({ kind: "failure", reason: "bad-response", code: reader.problem });
      }
      if (reader.head === null) return;
      if (reader.head.status === REQUEST_TIMEOUT && this.#isReused) {
        this.#wasIdle = true;
        return this.#fail(connectionFailure(null));
      }
      this.#answer(reader.head);
    } else if (reader.end) {
      this.#finish(reader.end);
    }
  }

  #answer({ status, retryAfter, location }: Readonly<Head>): void {
    const resolveAnswer = this.#resolveAnswer;
    this.#resolveAnswer = null;
    const { end } = this.#reader;
    const drained =
      end === "ended"
        ? DRAINED
        : new Promise<Drain>((resolve) => {
            this.#resolveDrained = resolve;
          });
    if (end === null) {
      const spread = Math.random() * (MAX_DRAIN_MS - MIN_DRAIN_MS);
      this.#deadline?.shortenTo(MIN_DRAIN_MS + spread);
    } else {
      this.#finish(end);
    }
    resolveAnswer?.({ kind: "response", status, retryAfter, location, drained });
  }

  /** The answer has ended, and with it the request. */
  #finish(end: Drain): void {
    const resolveDrained = this.#resolveDrained;
    this.#resolveDrained = null;
    this.#deadline?.clear();
    this.#deadline = null;
    const reader = this.#reader;
    // An answer that came before all of the request had gone out leaves the rest of it in the way.
    const isFree =
      end === "ended" &&
      reader.head?.keepsAlive === true &&
      !reader.hasMore &&
      this.socket.writableLength === 0 &&
      this.isOpen;
    if (isFree) this.options.onFree(this);
    else this.destroy();
    resolveDrained?.(end);
  }

  #fail(failure: Failure): void {
    const resolveAnswer = this.#resolveAnswer;
    this.#resolveAnswer = null;
    this.#deadline = null;
    this.destroy();
    resolveAnswer?.(failure);
  }

  #end(): void {
    this.options.onClosed(this);
    this.#reader.close();
    if (this.#resolveAnswer) {
      const failure = connectionFailure(this.#errorCode);
      this.#wasIdle =
        this.#isReused &&
        failure.reason === "connection-reset" &&
        !this.#reader.hasReceivedBytes &&
        this.#sinceWriteMs() <= this.#roundTripMs + SEEN_LATE_MS;
      this.#fail(failure);
    } else if (this.#deadline) {
      this.#finish(this.#reader.end ?? "unfinished");
    } else {
      this.destroy();
    }
  }
}
