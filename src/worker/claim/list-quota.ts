// How much of a batch may come from the list while lanes of webhooks that keep pace are served. What
// the list has for such a webhook goes behind its lane, and so through Valkey once more, which costs
// as much as its delivery: without a bound a busy worker did little else (measured: a sixth of the
// rate, and the lane grew for ever). With it the lane empties, and the list is never left alone.

/** As many at least, so that others are not held up by a lane that is served slowly. */
const FEW = 32;
const TURN_MS = 50;

export class ListShare {
  /** Out of lanes, since the list's last turn. */
  private served = 0;
  private servedAt = Number.NEGATIVE_INFINITY;
  private turnAt = Number.NEGATIVE_INFINITY;

  /** So many items have come out of lanes of webhooks that keep pace. */
  serve(items: number, nowMs: number): void {
    if (items === 0) return;
    this.served += items;
    this.servedAt = nowMs;
  }

  /** How many elements may be taken now: one for each two out of the lanes, all where none come. */
  take(nowMs: number): number {
    // A receiver that has just stopped to answer still counts as one that keeps pace.
    if (nowMs - this.servedAt >= TURN_MS) return Number.POSITIVE_INFINITY;
    if (this.served < 2 * FEW && nowMs - this.turnAt < TURN_MS) return 0;
    const elements = Math.max(FEW, Math.floor(this.served / 2));
    this.served = 0;
    this.turnAt = nowMs;
    return elements;
  }
}
