// Limits the requests of one workflow that this process accepts: a bucket that refills steadily.
import { BoundedMap } from "../../bounded-map.ts";

const MAX_WORKFLOWS = 10_000;

export class RateLimit {
  readonly #buckets = new BoundedMap<string, { tokens: number; atMs: number }>(MAX_WORKFLOWS);

  /** Takes one request of the workflow; false if it has none left. */
  take(workflowId: string, perSecond: number, nowMs: number): boolean {
    // At least one, or a limit of less than one per second would let nothing through.
    const capacity = Math.max(1, perSecond);
    let bucket = this.#buckets.get(workflowId);
    if (bucket === undefined) {
      bucket = { tokens: capacity, atMs: nowMs };
      this.#buckets.set(workflowId, bucket);
    }
    const elapsedS = Math.max(0, nowMs - bucket.atMs) / 1_000;
    bucket.tokens = Math.min(capacity, bucket.tokens + elapsedS * perSecond);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
