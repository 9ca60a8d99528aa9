// A map with a maximum size, for everything in memory whose number of keys is unbounded (guarantee 6).

/**
 * A Map that never has more than `max` entries. When it is full, it drops the oldest eighth at once. If it
 * dropped one at a time, each access to the first entry would step over all that were deleted before
 * (measured: docs/performance.md, "Where the time goes").
 */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  constructor(private readonly max: number) {
    super();
  }

  /** Setting an existing entry keeps its age; delete it first to make it the newest. */
  override set(key: Key, value: Value): this {
    if (this.size >= this.max && !this.has(key)) this.#dropOldest();
    return super.set(key, value);
  }

  #dropOldest(): void {
    let left = Math.ceil(this.max / 8);
    for (const oldest of this.keys()) {
      this.delete(oldest);
      left -= 1;
      if (left === 0) return;
    }
  }
}
