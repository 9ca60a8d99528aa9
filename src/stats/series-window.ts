// What one process has counted for the series since it was last written, in plain arrays: all that is counted of a
// delivery costs about 75 ns, 140 with the age of its event (measured: docs/metrics.md).
import { bucketOf, LATENCY_BUCKETS } from "./latency.ts";

/** What is counted, and the name of its field in Valkey. */
export const SERIES_COUNTS = {
  delivered: "d",
  retry: "r",
  parked: "p",
  claimed: "c",
  rejected: "x",
  nobody: "n",
  filtered: "f",
} as const;

export type SeriesCount = keyof typeof SERIES_COUNTS;
const NAMES = Object.keys(SERIES_COUNTS) as SeriesCount[];

/** What is measured of each queue; of a step, the highest value counts. The names are those of the fields. */
export const SERIES_GAUGES = {
  depth: "D",
  oldestMs: "A",
  scheduled: "S",
  parkedNow: "P",
} as const;

export type QueueGauges = Partial<Record<keyof typeof SERIES_GAUGES, number>>;

/** Field → what to add to it, and field → what it is at least. */
export interface SeriesChange {
  counts: [field: string, n: number][];
  gauges: [field: string, value: number][];
}

export class SeriesWindow {
  /** Called when something is counted for the first time since `take`. */
  onFirst: (() => void) | null = null;
  private isEmpty = true;
  private readonly counts: Record<SeriesCount, number> = noCounts();
  private readonly attempts = new Float64Array(LATENCY_BUCKETS);
  private readonly waits = new Float64Array(LATENCY_BUCKETS);
  private readonly queues = new Map<string, { depth: number; oldestMs: number }>();

  add(name: SeriesCount, n = 1): void {
    this.counts[name] += n;
    if (this.isEmpty) this.begin();
  }

  /** How long an attempt took, and how long the claim had waited for it. */
  attempt(attemptMs: number, waitMs: number): void {
    const attempt = bucketOf(attemptMs);
    const wait = bucketOf(waitMs);
    this.attempts[attempt] = (this.attempts[attempt] as number) + 1;
    this.waits[wait] = (this.waits[wait] as number) + 1;
    if (this.isEmpty) this.begin();
  }

  /** A list as a claim found it. An empty one is nothing to write about. */
  list(queue: string, depth: number, oldestMs: number): void {
    const known = this.queues.get(queue);
    if (known === undefined) this.queues.set(queue, { depth, oldestMs });
    else {
      if (depth > known.depth) known.depth = depth;
      if (oldestMs > known.oldestMs) known.oldestMs = oldestMs;
    }
    if (depth > 0 && this.isEmpty) this.begin();
  }

  /** Takes what was counted, and begins again. `queues`: what was read of each just now. */
  take(queues: ReadonlyMap<string, QueueGauges>): SeriesChange {
    const counts: SeriesChange["counts"] = [];
    const gauges: SeriesChange["gauges"] = [];
    for (const name of NAMES) {
      if (this.counts[name] > 0) counts.push([SERIES_COUNTS[name], this.counts[name]]);
      this.counts[name] = 0;
    }
    takeBuckets("a", this.attempts, counts);
    takeBuckets("w", this.waits, counts);
    for (const [queue, seen] of this.queues) addGauges(gauges, queue, seen);
    for (const [queue, read] of queues) addGauges(gauges, queue, read);
    this.queues.clear();
    this.isEmpty = true;
    return { counts, gauges };
  }

  private begin(): void {
    this.isEmpty = false;
    this.onFirst?.();
  }
}

function noCounts(): Record<SeriesCount, number> {
  return Object.fromEntries(NAMES.map((name) => [name, 0])) as Record<SeriesCount, number>;
}

function takeBuckets(prefix: string, buckets: Float64Array, into: SeriesChange["counts"]): void {
  for (let at = 0; at < buckets.length; at += 1) {
    const n = buckets[at] as number;
    if (n > 0) into.push([`${prefix}${at}`, n]);
  }
  buckets.fill(0);
}

function addGauges(into: SeriesChange["gauges"], queue: string, values: QueueGauges): void {
  for (const [name, letter] of Object.entries(SERIES_GAUGES)) {
    const value = values[name as keyof QueueGauges];
    if (value !== undefined) into.push([`${letter}:${queue}`, Math.round(value)]);
  }
}
