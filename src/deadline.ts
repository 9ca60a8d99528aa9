// One time limit over a whole attempt: resolve, connect, send, headers and body. One timer looks after
// all of them: a timer for each attempt costs a tenth of what a request costs (measured).

export const EXPIRED = Symbol("the deadline has passed");

/** What ends work that waits: a deadline, or the end of a race that it takes part in. */
export interface Limit {
  readonly hasPassed: boolean;
  /** Calls `stop` when the limit passes, unless it is forgotten before; at once if it has passed. */
  whenPassed(stop: () => void): void;
  forget(stop: () => void): void;
}

/** A deadline may pass this much too late. */
const LATE_MS = 20;

const running = new Set<Deadline>();
let timer: Timer | null = null;
let lastTickMs = 0;
/** For how long in all the timer came too late: something held the event loop up. */
let heldUpMs = 0;

/**
 * Milliseconds on a clock that stops while the event loop is held up, but for the timer's period. What
 * came in meanwhile is seen late; by this clock it did not take longer. Right while a deadline runs.
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
  /** Mostly there is one, and no list of it is made. */
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

  /** For what takes a signal; made when it is asked for. */
  get signal(): AbortSignal {
    if (this.#controller === null) {
      const controller = new AbortController();
      this.#controller = controller;
      this.whenPassed(() => controller.abort());
    }
    return this.#controller.signal;
  }

  /** `stop` is called when it passes, unless it is cleared or `stop` forgotten before; at once if it has. */
  whenPassed(stop: () => void): void {
    if (this.#hasPassed) stop();
    else if (this.#stop === null) this.#stop = stop;
    else (this.#otherStops ??= new Set()).add(stop);
  }

  forget(stop: () => void): void {
    if (this.#stop === stop) this.#stop = null;
    else this.#otherStops?.delete(stop);
  }

  /** Ends in `ms` from now at the latest; never later than it would have. */
  shortenTo(ms: number): void {
    this.#endsAtMs = Math.min(this.#endsAtMs, performance.now() + ms);
  }

  /** The attempt is over: nothing is stopped any more. */
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

  /** For work that cannot be stopped, such as a look-up: goes on without it. */
  race<T>(work: Promise<T>): Promise<T | typeof EXPIRED> {
    return raceWithin(this, work);
  }
}

/** For work that cannot be stopped: resolves with its value, or with EXPIRED when the limit passes. */
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
