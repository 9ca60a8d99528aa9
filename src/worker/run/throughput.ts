// How many attempts this process finished lately, as a rate. What is claimed beyond what it can finish
// within the wait for a slot would only go on to lanes.

/** Shorter windows are noise, and a much older past says nothing about now. */
const WINDOW_MS = 20;
const NEWEST_SHARE = 1 / 4;

export class Throughput {
  private finished = 0;
  private perMs = 0;
  private since: number;

  constructor(private readonly now: () => number = () => performance.now()) {
    this.since = now();
  }

  /** Counts one finished attempt. */
  add(): void {
    this.finished += 1;
  }

  /** Estimated number of attempts finished in `ms` milliseconds. */
  within(ms: number): number {
    const nowMs = this.now();
    const windowMs = nowMs - this.since;
    if (windowMs >= WINDOW_MS) {
      this.perMs += (this.finished / windowMs - this.perMs) * NEWEST_SHARE;
      this.finished = 0;
      this.since = nowMs;
    }
    return this.perMs * ms;
  }
}
