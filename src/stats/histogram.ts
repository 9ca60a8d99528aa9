// A histogram with given bounds, as Prometheus has it. To count costs some nanoseconds: a scrape adds it up.

export class Histogram {
  readonly counts: Float64Array;
  sumSeconds = 0;

  /** `bounds`: the highest value of each bucket in seconds; one bucket more has everything above. */
  constructor(readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(seconds: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && seconds > (bounds[at] as number)) at += 1;
    counts[at] = (counts[at] as number) + 1;
    this.sumSeconds += seconds;
  }
}
