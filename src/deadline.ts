// The time limit of a whole attempt: resolve, connect, send, headers and body. One timer serves all
// deadlines; a timer for each costs a tenth of a request (measured: commit 4b5e1a3).

export const EXPIRED = Symbol("the deadline has passed");

/** A limit for waiting: a deadline, or the end of a race between addresses. */
export interface Limit {
  readonly hasPassed: boolean;
  /** Calls `stop` when the limit passes, unless `forget` is called first. Calls it at once if it has passed. */
  whenPassed(stop: () => void): void;
  forget(stop: () => void): void;
}

/** The timer's period: a deadline may pass this much too late. */
const LATE_MS = 20;

const running = new Set<Deadline>();
let timer: Timer | null = null;
let lastTickMs = 0;
/** Total time by which the timer was late because something blocked the event loop. */
let heldUpMs = 0;

/**
 * Returns monotonic milliseconds without the time for which the event loop was blocked (beyond the timer's
 * period). Data that arrived meanwhile is read late, but by this clock it did not take longer. Correct while
 * a deadline runs.
 */
export function responsiveNow(): number {
  const nowMs = performance.now();
  return nowMs - heldUpMs - (timer === null ? 0 : lateness(nowMs));
}

const lateness = (nowMs: number) => Math.max(0, nowMs - lastTickMs - LATE_MS);

function endLate(): void {
  const nowMs = performance.now();
  heldUpMs += lateness(nowMs);
  lastTickMs = nowMs;
  if (running.size === 0) {
    stopTimer();
    return;
  }
  for (const deadline of running) deadline.endAfter(nowMs);
}

function stopTimer(): void {
  if (timer) clearInterval(timer);
  timer = null;
}

export class Deadline implements Limit {
  #endsAtMs: number;
  #hasPassed = false;
  #controller: AbortController | null = null;
  /** The first callback. There is rarely a second one, so a set is made only for that. */
  #stop: (() => void) | null = null;
  #otherStops: Set<() => void> | null = null;

  constructor(timeoutMs: number) {
    this.#endsAtMs = performance.now() + timeoutMs;
    running.add(this);
    if (timer !== null) return;
    lastTickMs = performance.now();
    timer = setInterval(endLate, LATE_MS);
  }

  get hasPassed(): boolean {
    return this.#hasPassed;
  }

  /** An AbortSignal of this deadline, created on first use. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      const controller = new AbortController();
      this.#controller = controller;
      this.whenPassed(() => controller.abort());
    }
    return this.#controller.signal;
  }

  whenPassed(stop: () => void): void {
    if (this.#hasPassed) stop();
    else if (this.#stop === null) this.#stop = stop;
    else (this.#otherStops ??= new Set()).add(stop);
  }

  forget(stop: () => void): void {
    if (this.#stop === stop) this.#stop = null;
    else this.#otherStops?.delete(stop);
  }

  /** Makes it end at most `ms` from now; never later than before. */
  shortenTo(ms: number): void {
    this.#endsAtMs = Math.min(this.#endsAtMs, performance.now() + ms);
  }

  /** Ends it without calling anything: the attempt is over. */
  clear(): void {
    running.delete(this);
    if (running.size === 0) stopTimer();
  }

  /** Called by the timer of all deadlines. */
  endAfter(nowMs: number): void {
    if (nowMs < this.#endsAtMs) return;
    running.delete(this);
    this.#hasPassed = true;
    this.#stop?.();
    for (const stop of this.#otherStops ?? []) stop();
  }

  /** Waits for work that cannot be stopped, such as a look-up, until the deadline passes. */
  race<T>(work: Promise<T>): Promise<T | typeof EXPIRED> {
    return raceWithin(this, work);
  }
}

/** Resolves with the value of work that cannot be stopped, or with EXPIRED when the limit passes. */
export async function raceWithin<T>(limit: Limit, work: Promise<T>): Promise<T | typeof EXPIRED> {
  if (limit.hasPassed) return EXPIRED;
  const { promise: expired, resolve } = Promise.withResolvers<typeof EXPIRED>();
  const stop = () => resolve(EXPIRED);
  limit.whenPassed(stop);
  try {
    return await Promise.race([work, expired]);
  } finally {
    limit.forget(stop);
  }
}
