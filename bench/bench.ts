// What a scenario works with, and what it comes to.
import type { Contender, ContenderName } from "./contenders/contender.ts";
import type { Pins } from "./machine.ts";
import { median } from "./measure.ts";

/** The figures of one run. Their names are those of the JSON, so units stand in them. */
export const METRICS = {
  per_second: { head: "per second", digits: 0 },
  per_core_second: { head: "per second of a core", digits: 0 },
  cpu_us: { head: "CPU each, µs", digits: 1 },
  valkey_cpu_us: { head: "Valkey's, µs", digits: 1 },
  receiver_cpu_us: { head: "receiver's, µs", digits: 1 },
  others_busy_percent: { head: "these two, % of a core", digits: 0 },
  warm_up_seconds: { head: "warm-up, s", digits: 1 },
  rss_peak_mb: { head: "most RSS, MB", digits: 0 },
  rss_idle_mb: { head: "idle RSS, MB", digits: 0 },
  idle_cpu_percent: { head: "idle CPU, %", digits: 2 },
  p50_ms: { head: "p50, ms", digits: 2 },
  p99_ms: { head: "p99, ms", digits: 2 },
  p999_ms: { head: "p99.9, ms", digits: 2 },
  late_ms: { head: "offered late, p99 ms", digits: 2 },
  request_p50_ms: { head: "request p50, ms", digits: 2 },
  request_p99_ms: { head: "request p99, ms", digits: 2 },
  ready_ms: { head: "ready, ms", digits: 0 },
  first_delivery_ms: { head: "first delivery, ms", digits: 0 },
  wake_ups: { head: "wake-ups", digits: 1 },
  commands: { head: "commands run", digits: 1 },
  scripts: { head: "scripts", digits: 2 },
  empty_scripts: { head: "empty scripts", digits: 2 },
  valkey_idle_percent: { head: "Valkey's, %", digits: 2 },
  requests_per_second: { head: "commands sent/s", digits: 1 },
  wake_ups_per_second: { head: "wake-ups/s", digits: 0 },
  rss_mb: { head: "RSS, MB", digits: 0 },
  more_than_once: { head: "twice", digits: 0 },
  missing: { head: "missing", digits: 0 },
} as const;

export type Metric = keyof typeof METRICS;
export type Values = Partial<Record<Metric, number>>;

/** One line of a table: all runs of one case. */
export interface Row {
  name: string;
  /** Rows with the same text are printed as a table of their own, under it. */
  table?: string;
  runs: Values[];
}

/** What the project has set itself. */
export interface Bar {
  what: string;
  limit: string;
  found: number;
  met: boolean;
}

export interface Result {
  rows: Row[];
  bars: Bar[];
  notes: string[];
}

export interface Scenario {
  name: string;
  what: string;
  /** Takes long; only where it is named. */
  onlyByName?: boolean;
  run(bench: Bench): Promise<Result>;
}

export interface Bench {
  quick: boolean;
  repeats: number;
  pins: Pins;
  /** Of Fluxhook. */
  binary: string;
  /** Those that were asked for, of the named. */
  contenders(...names: ContenderName[]): Promise<Contender[]>;
  /** The same, with BullMQ at 64 jobs at a time and not at what suits a backlog best. */
  untunedContenders(...names: ContenderName[]): Promise<Contender[]>;
  /** Of `steady`; all of them where it is left out. */
  rates?: readonly number[];
  owners?: readonly number[];
  /** Shown while it runs. */
  progress(text: string): void;
}

export interface Case {
  name: string;
  table?: string;
  run(): Promise<Values>;
}

/**
 * Each case once per repeat, in turn and then in reverse, so that what the machine does meanwhile
 * meets all alike.
 */
export async function interleave(
  bench: Pick<Bench, "repeats" | "progress">,
  cases: readonly Case[],
): Promise<Row[]> {
  const rows = cases.map(({ name, table }): Row => ({ name, table, runs: [] }));
  for (let repeat = 0; repeat < bench.repeats; repeat += 1) {
    const order = [...cases.keys()];
    if (repeat % 2 === 1) order.reverse();
    for (const index of order) {
      const one = cases[index]!;
      bench.progress(`${repeat + 1}/${bench.repeats} ${one.name}`);
      rows[index]!.runs.push(await one.run());
    }
  }
  return rows;
}

export function medianOf(row: Row | undefined, metric: Metric): number {
  return median((row?.runs ?? []).map((run) => run[metric] ?? Number.NaN));
}

/** The median of the ratios of what ran side by side; NaN where one of them did not run. */
export function ratio(rows: readonly Row[], metric: Metric, name: string, to: string): number {
  const above = rows.find((row) => row.name === name)?.runs ?? [];
  const below = rows.find((row) => row.name === to)?.runs ?? [];
  return median(above.map((run, i) => (run[metric] ?? NaN) / (below[i]?.[metric] ?? NaN)));
}

/** The same of differences. */
export function difference(
  rows: readonly Row[],
  metric: Metric,
  name: string,
  from: string,
): number {
  const one = rows.find((row) => row.name === name)?.runs ?? [];
  const other = rows.find((row) => row.name === from)?.runs ?? [];
  return median(one.map((run, i) => (run[metric] ?? NaN) - (other[i]?.[metric] ?? NaN)));
}

/** None where there is no figure: a contender was left out. */
export function atLeast(what: string, limit: number, found: number): Bar[] {
  return Number.isNaN(found) ? [] : [{ what, limit: `≥ ${limit}`, found, met: found >= limit }];
}

export function atMost(what: string, limit: number, found: number): Bar[] {
  return Number.isNaN(found) ? [] : [{ what, limit: `≤ ${limit}`, found, met: found <= limit }];
}
