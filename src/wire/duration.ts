// Durations as users write them: `250ms 10s 5m 2h 7d`. Inside Fluxhook they are milliseconds.
import { z } from "zod";
import { excerpt } from "./excerpt.ts";

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNIT_MS;

const FORM = /^(\d{1,9})(ms|s|m|h|d)$/;

/** Returns the milliseconds of a duration such as `5m`, or null if the text is not a duration. */
export function parseDuration(text: string): number | null {
  const match = FORM.exec(text);
  return match ? Number(match[1]) * UNIT_MS[match[2] as Unit] : null;
}

/** Returns the shortest text for a number of milliseconds: 60000 → `1m`. */
export function formatDuration(ms: number): string {
  for (const unit of ["d", "h", "m", "s"] as const) {
    if (ms !== 0 && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  }
  return ms === 0 ? "0s" : `${ms}ms`;
}

/** Schema of a duration between two bounds, for the API and the settings. */
export function durationSchema(bounds: { minMs: number; maxMs: number }) {
  const accepted = `a duration such as 250ms, 10s, 5m, 2h or 7d, from ${formatDuration(bounds.minMs)} to ${formatDuration(bounds.maxMs)}`;
  return z
    .string({ error: `must be ${accepted}` })
    .refine(
      (text) => {
        const ms = parseDuration(text);
        return ms !== null && ms >= bounds.minMs && ms <= bounds.maxMs;
      },
      { error: (issue) => `${excerpt(issue.input)} is not ${accepted}` },
    )
    .meta({ description: accepted, pattern: FORM.source });
}
