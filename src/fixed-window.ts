// Counts per key in windows of fixed length. Per process.
import { BoundedMap } from "./bounded-map.ts";

interface Window {
  count: number;
  endsAtMs: number;
}

export interface Counted {
  /** How often the key was counted in its window, including this time. */
  count: number;
  /** Until the window ends, rounded up: for `Retry-After`. */
  retryAfterS: number;
}

export class FixedWindow<Key> {
  readonly #windows: BoundedMap<Key, Window>;

  constructor(
    private readonly windowMs: number,
    /** Guarantee 6: beyond this many, the keys whose windows began first are forgotten. */
    maxKeys: number,
  ) {
    this.#windows = new BoundedMap(maxKeys);
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#windows.size;
  }

  count(key: Key, nowMs: number): Counted {
    let window = this.#windows.get(key);
    if (!window || nowMs >= window.endsAtMs) {
      this.#windows.delete(key);
      window = { count: 0, endsAtMs: nowMs + this.windowMs };
      this.#windows.set(key, window);
    }
    window.count += 1;
    return { count: window.count, retryAfterS: Math.ceil((window.endsAtMs - nowMs) / 1_000) };
  }
}
