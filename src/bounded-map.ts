// A map with a maximum size, for everything that is kept in memory by an unbounded key (guarantee 6).

/**
 * A Map that never holds more than `max` entries. When it is full, the oldest eighth is dropped at once:
 * dropping one at a time, each look at the first entry would walk over all that were deleted before it
 * (measured: commit 5f1bdc9).
 */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  constructor(private readonly max: number) {
    super();
  }

  /** An entry that is set again keeps its age; delete it first to make it the newest. */
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
