// POST /v1/events with batches of several sizes. The events are for nobody, so what is measured is
// the intake: check, push, claim, and the end of the event.
import { interleave, type Bench, type Scenario, type Values } from "../bench.ts";
import { API_TOKEN, element, spawnFluxhook, whenReady } from "../contenders/fluxhook.ts";
import { cpuSeconds, quantile, rssMb } from "../measure.ts";
import { openStage } from "../stage.ts";
import { oneWebhookEach } from "../workload.ts";

const REQUESTS_AT_ONCE = 16;
const BATCHES = [
  { size: 1, requests: 20_000 },
  { size: 10, requests: 10_000 },
  { size: 100, requests: 1_500 },
  { size: 1_000, requests: 200 },
];

export const ingest: Scenario = {
  name: "ingest",
  what: "POST /v1/events with 1, 10, 100 and 1,000 events of 1 KiB in a request",
  async run(bench) {
    const cases = (await bench.contenders("fluxhook")).length === 0 ? [] : BATCHES;
    const rows = await interleave(
      bench,
      cases.map(({ size, requests }) => ({
        name: `${size.toLocaleString("en-US")} in a request`,
        run: () => ingestRun(bench, size, bench.quick ? requests / 5 : requests),
      })),
    );
    const notes = [`${REQUESTS_AT_ONCE} requests at a time; "per second" counts events.`];
    return { rows, bars: [], notes };
  },
};

async function ingestRun(bench: Bench, size: number, requests: number): Promise<Values> {
  await using stage = await openStage(bench.pins);
  await using child = spawnFluxhook([bench.binary, "serve"], stage, stage.pins);
  const url = `${await whenReady(child)}/v1/events`;
  const workload = oneWebhookEach("", 1);
  const events = Array.from({ length: size }, (_, n) => element(workload, n, 0));
  const body = size === 1 ? events.join("") : `[${events.join(",")}]`;
  const headers = { Authorization: `Bearer ${API_TOKEN}`, "Content-Type": "application/json" };
  const post = async (count: number): Promise<number[]> => {
    const latenciesMs: number[] = [];
    let left = count;
    const lane = async () => {
      while (left-- > 0) {
        const startedAt = performance.now();
        const response = await fetch(url, { method: "POST", headers, body });
        await response.arrayBuffer();
        if (response.status !== 202) throw new Error(`POST /v1/events: ${response.status}`);
        latenciesMs.push(performance.now() - startedAt);
      }
    };
    await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, lane));
    return latenciesMs.toSorted((a, b) => a - b);
  };
  await post(Math.ceil(requests / 5));
  const before = await cpuSeconds(child.pid);
  const startedAt = performance.now();
  const latenciesMs = await post(requests);
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpu = (await cpuSeconds(child.pid)) - before;
  return {
    per_second: (size * requests) / seconds,
    cpu_us: (cpu * 1e6) / (size * requests),
    request_p50_ms: quantile(latenciesMs, 0.5),
    request_p99_ms: quantile(latenciesMs, 0.99),
    rss_peak_mb: await rssMb(child.pid, "peak"),
  };
}
