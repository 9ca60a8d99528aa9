// Figures of the overview, computed from the series. Apart from the page, so that they can be tested alone.
import type { Series } from "../../sdk/api-types.ts";

export interface Now {
  deliveredPerS: number;
  /** Between 0 and 1; null if there were no attempts. */
  failing: number | null;
  p95Ms: number | null;
}

/** The last step is not over yet. */
const STEPS = 3;

/** Of the last half minute. */
export function nowOf({ series, step_s }: Series): Now {
  const sum = (values: readonly (number | null)[]) =>
    values.slice(-STEPS - 1, -1).reduce<number>((all, value) => all + (value ?? 0), 0);
  const delivered = sum(series.delivered);
  const failed = sum(series.retry) + sum(series.parked);
  return {
    deliveredPerS: delivered / (STEPS * step_s),
    failing: delivered + failed === 0 ? null : failed / (delivered + failed),
    p95Ms: series.p95_ms.slice(-STEPS - 1).findLast((value) => value !== null) ?? null,
  };
}

/** 1234 → "1,234"; 2.54 → "2.5"; 0.25 → "0.25". */
export function amount(value: number): string {
  const digits = value < 1 ? 2 : value < 10 ? 1 : 0;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

export function milliseconds(value: number | null): string {
  if (value === null) return "–";
  return value >= 1_000 ? `${amount(value / 1_000)} s` : `${amount(value)} ms`;
}

/** 90 → "1 min 30 s". */
export function age(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}

export function bytes(value: number | null): string {
  return value === null ? "unknown" : `${amount(value / 2 ** 20)} MiB`;
}

/** The route of the list behind a need, and what its link says. */
export function placeOf(need: {
  kind: string;
  about: string;
}): { to: string; verb: string } | null {
  switch (need.kind) {
    case "webhook-disabled":
      return { to: `/webhooks/${encodeURIComponent(need.about)}`, verb: "Review and enable" };
    case "parked":
    case "parked-full":
      return { to: "/parked", verb: "Review and redeliver" };
    case "rejected":
    case "rejected-full":
      return { to: "/rejected", verb: "Review and requeue" };
    default:
      return null;
  }
}

/** What to do about a need that has no page of its own. */
export function adviceOf(kind: string): string {
  switch (kind) {
    case "no-worker":
      return "Start fluxhook serve with this list in FLUXHOOK_QUEUE.";
    case "worker-silent":
      return "Look at its machine: a process that ended, memory, a CPU limit.";
    case "queue-delayed":
      return "Start another process, or raise FLUXHOOK_CONCURRENCY.";
    case "valkey-append-only":
      return "Set appendonly yes. CONFIG SET appendonly yes takes effect at once.";
    case "valkey-eviction":
      return "Set maxmemory-policy noeviction.";
    case "valkey-memory":
      return "Raise maxmemory, or see why deliveries wait.";
    default:
      return "";
  }
}
