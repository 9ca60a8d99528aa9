// The settings as the stores take them.
import type { Settings } from "../config/settings.ts";
import type { ParkedLimits } from "./queue/parked-store.ts";
import type { Cut } from "./queue/queue-store.ts";
import type { RecentLimits } from "./history/recent-lists.ts";

export function logLimits(settings: Settings): RecentLimits {
  return { size: settings.LOG_SIZE, ttlMs: settings.LOG_TTL };
}

export function rejectedLimits(settings: Settings): { most: number; ttlMs: number } {
  return { most: settings.REJECTED_MAX, ttlMs: settings.REJECTED_TTL };
}

export function parkedLimits(settings: Settings): ParkedLimits {
  return {
    most: settings.PARKED_MAX,
    mostBytes: settings.PARKED_MAX_BYTES,
    ttlMs: settings.PARKED_TTL,
  };
}

/** What is too large is kept whole up to so many bytes, so that it can be requeued. */
const WHOLE_BYTES = 1024 * 1024;
const KEPT_BYTES = 64 * 1024;

export function cutOf({ MAX_EVENT_BYTES }: Pick<Settings, "MAX_EVENT_BYTES">): Cut {
  return { over: Math.max(MAX_EVENT_BYTES, WHOLE_BYTES), to: KEPT_BYTES };
}
