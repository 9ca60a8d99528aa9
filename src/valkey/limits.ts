// The settings as the stores take them.
import type { Settings } from "../config.ts";
import type { ParkedLimits } from "./parked-store.ts";
import type { RecentLimits } from "./recent-lists.ts";

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
