// When the next attempt of a delivery may start, counted from the end of the one before.

/** Spreads the retries of many deliveries that failed together. */
const MAX_JITTER = 0.1;

/**
 * Milliseconds before attempt `attempt` (1 is the first), or null where the schedule has none.
 * `random` is in [0, 1). Never earlier than the schedule says.
 */
export function delayBefore(
  attempt: number,
  scheduleMs: readonly number[],
  random: () => number,
): number | null {
  const delayMs = scheduleMs[attempt - 1];
  if (delayMs === undefined) return null;
  // The first delay is the producer's; there is nobody to spread it from.
  return attempt === 1 ? delayMs : delayMs + Math.floor(delayMs * MAX_JITTER * random());
}
