// What a dialect has unless it says otherwise (DESIGN §2.4, "Schedule of all dialects unless set").
import type { Dialect } from "./dialect.ts";

const MINUTE_MS = 60_000;

export const DEFAULTS = {
  timeoutMs: 10_000,
  retryScheduleMs: [0, MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 120 * MINUTE_MS],
  disableRule: { failing_for: "5d" },
} as const satisfies Partial<Dialect>;
