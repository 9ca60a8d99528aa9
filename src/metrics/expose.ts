// Writes metrics in Prometheus' text format. Loaded with the first scrape, and prom-client with it: counting needs
// neither.
import { Registry } from "prom-client";
import type { Histogram } from "../stats/histogram.ts";
import { COUNTERS } from "./counters.ts";
import { GAUGES } from "./gauges.ts";
import type { Metric, MetricSource } from "./metric.ts";

export const METRICS: readonly Metric[] = [...COUNTERS, ...GAUGES];

export const CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

export async function expose(source: MetricSource): Promise<string> {
  const registry = new Registry();
  for (const metric of METRICS) {
    const { name, help, type } = metric;
    const values =
      metric.type === "histogram"
        ? metric
            .read(source)
            .flatMap(({ labels, histogram }) => histogramValues(name, labels, histogram))
        : metric.read(source);
    // A metric without a value now would be a name without a series.
    if (values.length === 0) continue;
    // Only `name` and `get` are asked for; the type of a Metric is that of prom-client's own ones.
    const given = { name, get: async () => ({ name, help, type, values, aggregator: "sum" }) };
    registry.registerMetric(given as unknown as Parameters<typeof registry.registerMetric>[0]);
  }
  return registry.metrics();
}

/** Prometheus' buckets are cumulative (its text format, "Histograms and summaries"). */
function histogramValues(
  name: string,
  labels: Record<string, string>,
  { bounds, counts, sumSeconds }: Histogram,
) {
  let count = 0;
  const buckets = [...bounds, Number.POSITIVE_INFINITY].map((bound, at) => {
    count += counts[at] ?? 0;
    const le = Number.isFinite(bound) ? String(bound) : "+Inf";
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sumSeconds },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
