// Counts of what happens seldom, by the values of their labels.

export class LabelCounts<Label extends string = string> {
  private readonly counts = new Map<string, { labels: readonly Label[]; count: number }>();

  add(labels: readonly Label[], n = 1): void {
    const key = labels.join("\n");
    const known = this.counts.get(key);
    if (known) known.count += n;
    else this.counts.set(key, { labels, count: n });
  }

  /** Begins a count at 0: a rate needs a value from before the first time (Prometheus, "Missing metrics"). */
  expect(...labels: readonly Label[]): void {
    this.add(labels, 0);
  }

  get entries(): readonly { labels: readonly Label[]; count: number }[] {
    return [...this.counts.values()];
  }
}
