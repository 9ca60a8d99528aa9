// One time limit over a whole attempt: resolve, connect, send, headers and body.
// Not AbortSignal.timeout: its timer outlives the attempt, so memory would grow with the rate.

export const EXPIRED = Symbol("the deadline has passed");

export class Deadline {
  readonly #controller = new AbortController();
  readonly #endsAtMs: number;
  #timer: ReturnType<typeof setTimeout>;

  constructor(timeoutMs: number) {
    this.#endsAtMs = performance.now() + timeoutMs;
    this.#timer = setTimeout(() => this.#controller.abort(), timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get hasPassed(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Ends in `ms` from now at the latest; never later than it would have. */
  shortenTo(ms: number): void {
    if (this.hasPassed || performance.now() + ms >= this.#endsAtMs) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), ms);
  }

  /** The attempt is over; nothing is aborted any more. */
  clear(): void {
    clearTimeout(this.#timer);
  }

  /** For work that cannot be aborted, such as a look-up: goes on without it. */
  async race<T>(work: Promise<T>): Promise<T | typeof EXPIRED> {
    if (this.hasPassed) return EXPIRED;
    const { promise: expired, resolve } = Promise.withResolvers<typeof EXPIRED>();
    const onAbort = () => resolve(EXPIRED);
    this.signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([work, expired]);
    } finally {
      this.signal.removeEventListener("abort", onAbort);
    }
  }
}
