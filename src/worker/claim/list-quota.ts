// Limits how much of a batch comes from the list while lanes of fast webhooks are served. An element of
// the list for such a webhook goes to the end of its lane, which costs Valkey as much as its delivery.
// Without a limit a busy worker moved elements instead of delivering them: a sixth of the rate, and the
// lane grew without end (measured: commit 5ae0618). With it the lane empties and the list still moves.

/** The list gets at least this many at each turn, so that a slow lane does not hold others up. */
const MIN_FROM_LIST = 32;
const TURN_MS = 50;

export class ListQuota {
  /** Items out of lanes since the list's last turn. */
  private served = 0;
  private servedAt = Number.NEGATIVE_INFINITY;
  private turnAt = Number.NEGATIVE_INFINITY;

  /** Counts items that came out of lanes of fast webhooks. */
  laneServed(items: number, nowMs: number): void {
    if (items === 0) return;
    this.served += items;
    this.servedAt = nowMs;
  }

  /** How many elements may be taken now: one for every two out of the lanes; all if no lane was served. */
  allow(nowMs: number): number {
    // A receiver that stopped answering a moment ago still counts as fast.
    if (nowMs - this.servedAt >= TURN_MS) return Number.POSITIVE_INFINITY;
    if (this.served < 2 * MIN_FROM_LIST && nowMs - this.turnAt < TURN_MS) return 0;
    const elements = Math.max(MIN_FROM_LIST, Math.floor(this.served / 2));
    this.served = 0;
    this.turnAt = nowMs;
    return elements;
  }
}
