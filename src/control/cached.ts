// An answer that is made at most once in a while, however many ask: those that ask meanwhile wait for the same one.

export class Cached<T> {
  private current: Promise<T> | null = null;
  private madeAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly make: () => Promise<T>,
    private readonly maxAgeMs: number,
  ) {}

  /** @throws what `make` throws; a failure is not kept. */
  get(): Promise<T> {
    if (this.current !== null && performance.now() - this.madeAt < this.maxAgeMs) {
      return this.current;
    }
    const making = this.make();
    this.current = making;
    // While it is being made, nobody else makes it.
    this.madeAt = Number.POSITIVE_INFINITY;
    making.then(
      () => (this.madeAt = performance.now()),
      () => (this.current = null),
    );
    return making;
  }
}
