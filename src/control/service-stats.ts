// What the service knows of itself, for `GET /v1/stats`, `GET /v1/series` and the gauges of `/metrics`: read at most
// once a second per process, whatever the number of askers, and not at all while nobody asks.
import type { Figures, QueueFigures, StatsStore } from "../valkey/history/stats-store.ts";
import type { SeriesStore, SeriesStep } from "../valkey/history/series-store.ts";
import type { DisabledIndex } from "../valkey/webhooks/disabled-index.ts";
import type { WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import { Cached } from "./cached.ts";
import { needsOf, type Need, type NeedLimits } from "./needs.ts";

export interface ProcessFigures {
  id: string;
  host: string | null;
  version: string | null;
  startedAt: string | null;
  sinceBeatMs: number;
  slots: number | null;
  used: number | null;
  held: number | null;
  queues: string[];
}

export interface Overview extends Figures {
  /** By list: how long the oldest element has waited, at least, as the workers see it. */
  oldestMs: ReadonlyMap<string, number>;
  processes: ProcessFigures[];
  needs: Need[];
}

/** What can be asked for: the length of a step and the number of steps. */
export const SERIES_RANGES = {
  "1h": { stepS: 10, steps: 360 },
  "24h": { stepS: 60, steps: 1_440 },
} as const;
export type SeriesRange = keyof typeof SERIES_RANGES;

export interface SeriesRead {
  /** Unix milliseconds. */
  startMs: number;
  stepS: number;
  steps: SeriesStep[];
}

export interface ServiceStatsOptions {
  stats: StatsStore;
  series: SeriesStore;
  webhooks: Pick<WebhookStore, "get">;
  disabledWebhooks: DisabledIndex;
  limits: NeedLimits;
  now: () => Date;
  onError: (error: unknown) => void;
}

const STATS_EVERY_MS = 1_000;
/** Steps of the hour that may still change, on whatever replica, and one more. */
const NEWEST_STEPS = 3;
/** A day is read in eight pipelines, and its steps are minutes. */
const DAY_EVERY_MS = 10_000;
/** Records that are read to say which webhooks are broken. */
const DISABLED_EVERY_MS = 5_000;
const MAX_DISABLED_READ = 50;

export class ServiceStats {
  private readonly figures: Cached<Overview>;
  private readonly disabled: Cached<Awaited<ReturnType<ServiceStats["readDisabled"]>>>;
  private readonly ranges: Record<SeriesRange, Cached<SeriesRead>>;
  private readonly newest: Cached<SeriesRead>;

  constructor(private readonly options: ServiceStatsOptions) {
    this.figures = new Cached(() => this.readFigures(), STATS_EVERY_MS);
    this.disabled = new Cached(() => this.readDisabled(), DISABLED_EVERY_MS);
    this.ranges = {
      "1h": new Cached(() => this.readSeries("1h"), STATS_EVERY_MS),
      "24h": new Cached(() => this.readSeries("24h"), DAY_EVERY_MS),
    };
    const { stepS } = SERIES_RANGES["1h"];
    this.newest = new Cached(() => this.readSteps(stepS, NEWEST_STEPS), STATS_EVERY_MS);
  }

  /** @throws ValkeyUnavailable */
  overview(): Promise<Overview> {
    return this.figures.get();
  }

  /** @throws ValkeyUnavailable */
  series(range: SeriesRange): Promise<SeriesRead> {
    return this.ranges[range].get();
  }

  /** Returns the newest steps of the hour. @throws ValkeyUnavailable */
  newestSteps(): Promise<SeriesRead> {
    return this.newest.get();
  }

  private async readFigures(): Promise<Overview> {
    const { stats, disabledWebhooks, limits, onError } = this.options;
    // Not waited for: where the index is not complete yet, the next look sees more.
    disabledWebhooks.complete().catch(onError);
    const figures = await stats.read();
    const disabled = figures.disabledWebhooks === 0 ? [] : await this.disabled.get();
    const oldestMs = new Map(figures.queues.map((queue) => [queue.name, oldestOf(queue)]));
    const needs = needsOf(figures, oldestMs, disabled, limits);
    return { ...figures, oldestMs, processes: processesOf(figures.queues), needs };
  }

  private async readDisabled() {
    const { disabledWebhooks, webhooks } = this.options;
    const ids = await disabledWebhooks.newest(MAX_DISABLED_READ);
    const records = await Promise.all(ids.map((id) => webhooks.get(id)));
    return records.filter((record) => record !== null);
  }

  private readSeries(range: SeriesRange): Promise<SeriesRead> {
    const { stepS, steps } = SERIES_RANGES[range];
    return this.readSteps(stepS, steps);
  }

  private async readSteps(stepS: number, steps: number): Promise<SeriesRead> {
    const nowMs = this.options.now().getTime();
    const startMs = (Math.floor(nowMs / 1_000 / stepS) - (steps - 1)) * stepS * 1_000;
    return { startMs, stepS, steps: await this.options.series.read(stepS, steps, nowMs) };
  }
}

/** An empty list has no oldest element, whatever a worker said two seconds ago. */
function oldestOf({ depth, workers }: QueueFigures): number {
  return depth === 0 ? 0 : Math.max(0, ...workers.map(({ info }) => info?.oldest_ms ?? 0));
}

/** A process has one worker for each of its lists. */
function processesOf(queues: readonly QueueFigures[]): ProcessFigures[] {
  const processes = new Map<string, ProcessFigures>();
  for (const { name, workers } of queues) {
    for (const { id, sinceBeatMs, info } of workers) {
      const process = info?.process ?? id;
      const known = processes.get(process);
      processes.set(process, {
        id: process,
        host: info?.host ?? null,
        version: info?.version ?? null,
        startedAt: info?.started_at ?? null,
        slots: info?.slots ?? null,
        used: info?.used ?? null,
        held: info?.held ?? null,
        sinceBeatMs: Math.min(sinceBeatMs, known?.sinceBeatMs ?? Number.POSITIVE_INFINITY),
        queues: [...(known?.queues ?? []), name],
      });
    }
  }
  return [...processes.values()];
}
