// The rows of the live page: the newest first, bounded, and held back while the reader has paused.
import type { LiveAttempt } from "./answers.ts";

export const MAX_ROWS = 200;

export interface LiveRows {
  shown: readonly LiveAttempt[];
  /** What has come since the pause, the newest first. */
  held: readonly LiveAttempt[];
  isPaused: boolean;
}

export const NO_ROWS: LiveRows = { shown: [], held: [], isPaused: false };

/** Adds attempts, the oldest first; one that is there already is left out. */
export function added(rows: LiveRows, attempts: readonly LiveAttempt[]): LiveRows {
  const known = new Set([...rows.shown, ...rows.held].map(({ delivery_id: id }) => id));
  const fresh: LiveAttempt[] = [];
  for (const attempt of attempts) {
    if (known.has(attempt.delivery_id)) continue;
    known.add(attempt.delivery_id);
    fresh.unshift(attempt);
  }
  if (fresh.length === 0) return rows;
  return rows.isPaused
    ? { ...rows, held: [...fresh, ...rows.held].slice(0, MAX_ROWS) }
    : { ...rows, shown: [...fresh, ...rows.shown].slice(0, MAX_ROWS) };
}

export function paused(rows: LiveRows): LiveRows {
  return rows.isPaused ? rows : { ...rows, isPaused: true };
}

export function resumed(rows: LiveRows): LiveRows {
  if (!rows.isPaused) return rows;
  return { shown: [...rows.held, ...rows.shown].slice(0, MAX_ROWS), held: [], isPaused: false };
}
