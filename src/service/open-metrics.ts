// What `GET /metrics` shows of this process. The formatter and its library are loaded with the first scrape.
import type { ApiMetrics } from "../api/deps.ts";
import type { Overview, ServiceStats } from "../control/service-stats.ts";
import type { MetricSource, ValkeyGauges } from "../metrics/metric.ts";
import type { Counters } from "../stats/counters.ts";
import { ValkeyUnavailable } from "../valkey/connection/errors.ts";
import { VERSION } from "../version.ts";
import type { WorkerUsage } from "../worker/worker.ts";

export interface MetricsOptions {
  /** As the settings of the same names. */
  settings: { METRICS: ApiMetrics["access"]; METRICS_TOKEN?: string; CLAIM: string };
  counters: Counters;
  stats: Pick<ServiceStats, "overview">;
  usage: () => WorkerUsage;
  viewers: () => number;
}

export function openMetrics(options: MetricsOptions): ApiMetrics {
  const { settings, counters, stats, usage, viewers } = options;
  const build = { version: VERSION, bun: Bun.version, claim: settings.CLAIM };
  return {
    access: settings.METRICS,
    token: settings.METRICS_TOKEN,
    expose: async () => {
      const { expose, CONTENT_TYPE } = await import("../metrics/expose.ts");
      const source: MetricSource = {
        counters,
        process: { ...usage(), streamViewers: viewers(), build },
        valkey: await readGauges(stats),
      };
      return { text: await expose(source), contentType: CONTENT_TYPE };
    },
    count: (httpClass, status, ms) => counters.request(httpClass, status, ms),
  };
}

async function readGauges(stats: Pick<ServiceStats, "overview">): Promise<ValkeyGauges | null> {
  try {
    return gaugesOf(await stats.overview());
  } catch (error) {
    if (error instanceof ValkeyUnavailable) return null;
    throw error;
  }
}

function gaugesOf({
  queues,
  oldestMs,
  rejected,
  webhooks,
  disabledWebhooks,
}: Overview): ValkeyGauges {
  const disabled = Math.min(disabledWebhooks, webhooks);
  return {
    queues: queues.map((queue) => ({
      ...queue,
      oldestAgeS: (oldestMs.get(queue.name) ?? 0) / 1_000,
      parkedBytes: Math.max(0, queue.parkedBytes),
      workers: queue.workers.length,
    })),
    rejected,
    webhooks: { enabled: webhooks - disabled, disabled },
  };
}
