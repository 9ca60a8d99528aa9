// One connection to an approved address: a request, its answer, the next request. Whatever the receiver
// does is returned as a value; nothing here throws.
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Deadline } from "../../deadline.ts";
import { socketCode, connectionFailure, TIMED_OUT, type Failure } from "./failure.ts";
import type { Head } from "./response-head.ts";
import { DRAINED, type Answer, type Drain } from "./answer.ts";
import { KEEP_NOTHING, ResponseReader, type Reading } from "./response-reader.ts";
import type { Transcript } from "./transcript.ts";

/**
 * How long to wait for the rest of a body. The head decides the outcome, but after a complete body the
 * connection can be used again. Random in this range, so that many endless bodies are not all cut off in
 * the same moment.
 */
const MIN_DRAIN_MS = 500;
const MAX_DRAIN_MS = 1_000;

/**
 * Requests are assembled in one shared buffer; a buffer for each was a fifth of all garbage (measured:
 * docs/performance.md, "Where the time goes").
 */
const OUTGOING_BYTES = 64 * 1024;
const newOutgoing = () => Buffer.allocUnsafeSlow(OUTGOING_BYTES);
let outgoing = newOutgoing();

/**
 * If the receiver ended an idle connection, the close arrives within one round trip of the next write. We
 * may see it up to this much later: `responsiveNow` may be 20 ms behind, and other events that arrived
 * at the same time are handled first (observed: 24 ms with 64 requests at once).
 */
const CLOSE_SEEN_LATE_MS = 50;

/** RFC 9110 §15.5.9: some servers send 408 when they end an idle connection. */
const REQUEST_TIMEOUT = 408;

export interface ConnectionOptions {
  /** The destination; connections with the same key are interchangeable. */
  key: string;
  /** An upper bound of the round-trip time, derived from how long opening the connection took. */
  roundTripMs: number;
  /** Monotonic milliseconds; see `responsiveNow`. */
  now: () => number;
  /** Called when the connection can carry the next request. */
  onFree: (connection: Connection) => void;
  onClosed: (connection: Connection) => void;
}

export class Connection {
  /** When the last answer ended, by `performance.now()`. */
  freeSinceMs = 0;
  readonly #reader = new ResponseReader();
  /** The deadline of the current request; null if there is none. */
  #deadline: Deadline | null = null;
  #resolveAnswer: ((answer: Answer) => void) | null = null;
  #resolveDrained: ((drain: Drain) => void) | null = null;
  #errorCode: string | null = null;
  /** Bound once per connection, so that no closure is allocated per request. */
  readonly #onDeadline = () => {
    if (this.#resolveAnswer) this.#fail(TIMED_OUT);
    else this.#finish("unfinished");
  };

  readonly key: string;
  #roundTripMs: number;
  #requests = 0;
  #wroteAtMs = 0;
  #wasIdle = false;
  /** The response is answered when its body has ended. */
  #isKept = false;

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
   * Whether the receiver had ended this connection before the last request reached it, so that the request
   * may be sent once more (RFC 9112 §9.3.1). After a later close the receiver may have processed it.
   */
  get wasIdle(): boolean {
    return this.#wasIdle;
  }

  /** Sends one request at a time. Takes over the deadline and clears it when the answer's body has ended. */
  post(
    head: string,
    body: Uint8Array,
    deadline: Deadline,
    transcript: Transcript | null = null,
    reading: Reading = KEEP_NOTHING,
  ): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    transcript?.beginRequest(head);
    this.#reader.begin(transcript, reading);
    this.#isKept = reading.keepBytes > 0;
    this.#requests += 1;
    this.#wroteAtMs = this.options.now();
    this.#deadline = deadline;
    this.#resolveAnswer = resolve;
    deadline.whenPassed(this.#onDeadline);
    if (!deadline.hasPassed) this.#write(head, body);
    return promise;
  }

  /** Writes head and body together; separate writes would send two packets. */
  #write(head: string, body: Uint8Array): void {
    const length = head.length + body.byteLength;
    // With TLS there is no sign of when the bytes are no longer needed.
    const isShared = length <= OUTGOING_BYTES && !(this.socket instanceof TLSSocket);
    const request = isShared ? outgoing.subarray(0, length) : Buffer.allocUnsafe(length);
    request.write(head, 0, "latin1");
    request.set(body, head.length);
    this.socket.write(request);
    // The socket could not send everything and still reads from the buffer.
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
    // Bytes without a request: they must not become the answer to the next one.
    if (this.#deadline === null) return this.destroy();
    const reader = this.#reader;
    // The first byte of an answer takes at least one round trip.
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
      if (this.#isKept && reader.end === null) return;
      this.#answer(reader.head);
    } else if (reader.end) {
      this.#finish(reader.end);
    }
  }

  #answer({ status, retryAfter, location }: Readonly<Head>): void {
    const resolveAnswer = this.#resolveAnswer;
    this.#resolveAnswer = null;
    const { end } = this.#reader;
    const content = this.#isKept ? this.#reader.content : undefined;
    if (this.#isKept && end === "unfinished") {
      this.#resolveAnswer = resolveAnswer;
      return this.#fail({ kind: "failure", reason: "bad-response", code: "unfinished-body" });
    }
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
    resolveAnswer?.({ kind: "response", status, retryAfter, location, drained, content });
  }

  /** Ends the request after its answer has ended. */
  #finish(end: Drain): void {
    const resolveDrained = this.#resolveDrained;
    this.#resolveDrained = null;
    this.#deadline?.clear();
    this.#deadline = null;
    const reader = this.#reader;
    // If the answer came before the whole request was sent, the rest of the request is still in the socket.
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
    if (this.#resolveAnswer && this.#isKept && this.#reader.head && this.#reader.end) {
      this.#answer(this.#reader.head);
    } else if (this.#resolveAnswer) {
      const failure = connectionFailure(this.#errorCode);
      this.#wasIdle =
        this.#isReused &&
        failure.reason === "connection-reset" &&
        !this.#reader.hasReceivedBytes &&
        this.#sinceWriteMs() <= this.#roundTripMs + CLOSE_SEEN_LATE_MS;
      this.#fail(failure);
    } else if (this.#deadline) {
      this.#finish(this.#reader.end ?? "unfinished");
    } else {
      this.destroy();
    }
  }
}
