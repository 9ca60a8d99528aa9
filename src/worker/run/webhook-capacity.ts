// How many requests at once one webhook can take, learned from its answers. Pure: no timers, no clock.

export interface WebhookCapacity {
  /** How many requests it may have in flight. */
  limit: number;
  inFlight: number;
  /**
   * How long its fast successes take. Slow ones count little: where this process is busy, they waited for
   * it and not for the receiver.
   */
  fastMs: number;
  lastSuccessAt: number;
}

/** What an attempt says about its receiver's capacity. */
export type SlotResult = "success" | "overload" | "neutral";

/** A webhook that can finish this many waiting deliveries in time is worth waiting for. */
export const MAX_PACED_WAITERS = 128;
const PACED_WITHIN_MS = 20;
/** The weight of a request that was faster than `fastMs`, and of one that was slower. */
const FASTER_WEIGHT = 1 / 2;
const SLOWER_WEIGHT = 1 / 64;
/** An older success proves nothing about now. */
export const RECENT_SUCCESS_MS = 60_000;

/** Takes in the result of a request that took `ms`. */
export function learn(
  webhook: WebhookCapacity,
  result: SlotResult,
  ms: number,
  now: number,
  maxLimit: number,
): void {
  if (result === "success") {
    webhook.lastSuccessAt = now;
    webhook.fastMs += (ms - webhook.fastMs) * (ms < webhook.fastMs ? FASTER_WEIGHT : SLOWER_WEIGHT);
    webhook.limit = Math.min(webhook.limit + 1, maxLimit);
  } else if (result === "overload") {
    webhook.limit = Math.max(1, Math.floor(webhook.limit / 2));
  }
}

export function succeededRecently(webhook: WebhookCapacity, now: number): boolean {
  return now - webhook.lastSuccessAt < RECENT_SUCCESS_MS;
}

/** True if `MAX_PACED_WAITERS` deliveries that wait for it could all get a slot in time. */
export function canServeQueue(webhook: WebhookCapacity, now: number): boolean {
  return (
    succeededRecently(webhook, now) &&
    (webhook.fastMs * MAX_PACED_WAITERS) / webhook.limit <= PACED_WITHIN_MS
  );
}
