// Counts what a bounded queue has lost, and tells of it at most every ten seconds: a log line for each loss would
// be a flood of its own.

const TELL_EVERY_MS = 10_000;

export class Losses {
  private count = 0;
  private lastError: unknown;
  private toldAtMs = Number.NEGATIVE_INFINITY;

  /**
   * `tell` gets how many were lost since it was called last, and the last error; `onLost` gets every loss at once,
   * for a counter.
   */
  constructor(
    private readonly tell: (count: number, lastError: unknown) => void,
    private readonly onLost: ((count: number) => void) | null = null,
  ) {}

  add(count: number, error?: unknown): void {
    this.count += count;
    if (count > 0) this.onLost?.(count);
    if (error !== undefined) this.lastError = error;
  }

  /** Tells what is due; at the end of the process everything, with `nowMs` infinite. */
  report(nowMs: number): void {
    if (this.count === 0 || nowMs - this.toldAtMs < TELL_EVERY_MS) return;
    const { count, lastError } = this;
    this.toldAtMs = nowMs;
    this.count = 0;
    this.lastError = undefined;
    this.tell(count, lastError);
  }
}
