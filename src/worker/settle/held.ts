// What a worker has claimed and not settled: how much that is, and since when nothing of it was settled.
export class Held {
  count = 0;
  /** When something was settled, or the first thing was claimed after all had been settled. */
  private settledAt = performance.now();
  private readonly onNone: (() => void)[] = [];

  add(): void {
    if (this.count === 0) this.settledAt = performance.now();
    this.count += 1;
  }

  remove(count: number): void {
    this.count -= count;
    this.settledAt = performance.now();
    if (this.count <= 0) for (const resolve of this.onNone.splice(0)) resolve();
  }

  get nothingSettledForMs(): number {
    return this.count === 0 ? 0 : performance.now() - this.settledAt;
  }

  async whenNone(): Promise<void> {
    while (this.count > 0) await new Promise<void>((resolve) => this.onNone.push(resolve));
  }
}
