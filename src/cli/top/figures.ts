// What `fluxhook top` shows, computed from the answers of GET /v1/stats and GET /v1/series.

export interface StatsAnswer {
  queues: {
    name: string;
    depth: number;
    oldest_age_s: number;
    ready: number;
    scheduled: number;
    due: number;
    lanes: number;
    parked: number;
  }[];
  workers: {
    id: string;
    host: string | null;
    version: string | null;
    last_beat_s: number;
    slots: number | null;
    used: number | null;
    held: number | null;
    queues: string[];
  }[];
  rejected: number;
  webhooks: { enabled: number; disabled: number };
  valkey: {
    version: string | null;
    used_memory: number | null;
    maxmemory: number | null;
    append_only: boolean | null;
    round_trip_ms: number;
  };
  needs: { kind: string; about: string; message: string }[];
}

export interface SeriesAnswer {
  start: string;
  step_s: number;
  series: Record<string, (number | null)[]>;
}

/** Of the last half minute. */
export interface Rates {
  delivered_per_s: number;
  /** Failed attempts, those that are tried again and those that are not. */
  failed_per_s: number;
  /** The share of attempts that failed; null if there were none. */
  failing: number | null;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

/** The last step is not over yet. */
const STEPS = 3;

export function ratesOf({ series, step_s }: SeriesAnswer): Rates {
  const last = (name: string) => (series[name] ?? []).slice(-STEPS - 1, -1);
  const perSecond = (name: string) =>
    last(name).reduce<number>((sum, value) => sum + (value ?? 0), 0) / (STEPS * step_s);
  const newest = (name: string) =>
    (series[name] ?? []).slice(-STEPS - 1).findLast((value) => value !== null) ?? null;
  const delivered = perSecond("delivered");
  const failed = perSecond("retry") + perSecond("parked");
  return {
    delivered_per_s: rounded(delivered),
    failed_per_s: rounded(failed),
    failing: delivered + failed === 0 ? null : rounded(failed / (delivered + failed)),
    p50_ms: newest("p50_ms"),
    p95_ms: newest("p95_ms"),
    p99_ms: newest("p99_ms"),
  };
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
