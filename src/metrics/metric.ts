// What a metric is: its name, what it means, and how its values are read at a scrape.
import type { Counters } from "../stats/counters.ts";
import type { Histogram } from "../stats/histogram.ts";

export interface Sample {
  labels: Record<string, string>;
  value: number;
}

/** Figures of one queue, of all replicas together. */
export interface QueueGauges {
  name: string;
  depth: number;
  oldestAgeS: number;
  ready: number;
  scheduled: number;
  due: number;
  lanes: number;
  parked: number;
  parkedBytes: number;
  workers: number;
}

/** What is read from Valkey. */
export interface ValkeyGauges {
  queues: readonly QueueGauges[];
  rejected: number;
  webhooks: { enabled: number; disabled: number };
}

export interface ProcessGauges {
  slots: number;
  slotsInUse: number;
  heldClaims: number;
  cachedOwners: number;
  streamViewers: number;
  build: { version: string; bun: string; claim: string };
}

export interface MetricSource {
  counters: Counters;
  process: ProcessGauges;
  /** Null while Valkey is away. */
  valkey: ValkeyGauges | null;
}

interface Described {
  name: string;
  /** One sentence or two. */
  help: string;
  labels: readonly string[];
}

export type Metric = Described &
  (
    | { type: "counter" | "gauge"; read: (source: MetricSource) => Sample[] }
    | {
        type: "histogram";
        bounds: readonly number[];
        read: (source: MetricSource) => { labels: Record<string, string>; histogram: Histogram }[];
      }
  );

/** A metric with one value and no labels. */
export function one(read: (source: MetricSource) => number): (source: MetricSource) => Sample[] {
  return (source) => [{ labels: {}, value: read(source) }];
}

/** A gauge that is read from Valkey: without Valkey it has no value. */
export function ofQueues(read: (queue: QueueGauges) => number): (source: MetricSource) => Sample[] {
  return ({ valkey }) =>
    (valkey?.queues ?? []).map((queue) => ({ labels: { queue: queue.name }, value: read(queue) }));
}
