// Turns the steps of the series into columns, one for each line of a chart.
import { LATENCY_BUCKETS, percentile } from "./latency.ts";
import { SERIES_COUNTS, SERIES_GAUGES, type SeriesCount } from "./series-window.ts";

type Step = ReadonlyMap<string, number> | null;

const PERCENTILES = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;
type Percentile = keyof typeof PERCENTILES;

export const LATENCY_COLUMNS = [
  "p50_ms",
  "p95_ms",
  "p99_ms",
  "wait_p50_ms",
  "wait_p95_ms",
  "wait_p99_ms",
] as const satisfies readonly (`${Percentile}_ms` | `wait_${Percentile}_ms`)[];

export const GAUGE_COLUMNS = ["depth", "oldest_age_s", "scheduled", "parked_now"] as const;

export type SeriesColumn =
  SeriesCount | (typeof LATENCY_COLUMNS)[number] | (typeof GAUGE_COLUMNS)[number];

export type SeriesColumns = Record<SeriesColumn, (number | null)[]>;

/** A value is null where nothing was counted in the step. */
export function toColumns(steps: readonly Step[]): SeriesColumns {
  const columns = {} as SeriesColumns;
  for (const [name, field] of Object.entries(SERIES_COUNTS) as [SeriesCount, string][]) {
    columns[name] = steps.map((step) => (step === null ? null : (step.get(field) ?? 0)));
  }
  const attempts = steps.map((step) => bucketsIn(step, "a"));
  const waits = steps.map((step) => bucketsIn(step, "w"));
  for (const [name, share] of Object.entries(PERCENTILES) as [Percentile, number][]) {
    columns[`${name}_ms`] = attempts.map((buckets) => rounded(percentile(buckets, share)));
    columns[`wait_${name}_ms`] = waits.map((buckets) => rounded(percentile(buckets, share)));
  }
  const gauge = (letter: string) => steps.map((step) => overQueues(step, letter));
  columns.depth = gauge(SERIES_GAUGES.depth).map(sumOf);
  columns.scheduled = gauge(SERIES_GAUGES.scheduled).map(sumOf);
  columns.parked_now = gauge(SERIES_GAUGES.parkedNow).map(sumOf);
  columns.oldest_age_s = gauge(SERIES_GAUGES.oldestMs).map((ages) =>
    ages.length === 0 ? null : Math.max(...ages) / 1_000,
  );
  return columns;
}

/** Returns the histogram of all steps together. */
export function mergedAttempts(steps: readonly Step[]): Float64Array {
  const merged = new Float64Array(LATENCY_BUCKETS);
  for (const step of steps) {
    bucketsIn(step, "a").forEach((n, at) => (merged[at] = (merged[at] as number) + n));
  }
  return merged;
}

function bucketsIn(step: Step, prefix: string): Float64Array {
  const buckets = new Float64Array(LATENCY_BUCKETS);
  if (step !== null) {
    for (let at = 0; at < LATENCY_BUCKETS; at += 1) buckets[at] = step.get(`${prefix}${at}`) ?? 0;
  }
  return buckets;
}

function overQueues(step: Step, letter: string): number[] {
  if (step === null) return [];
  const prefix = `${letter}:`;
  return [...step].filter(([field]) => field.startsWith(prefix)).map(([, value]) => value);
}

function sumOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
}

/** Three digits are more than a bucket knows. */
function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(3));
}
