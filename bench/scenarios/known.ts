// What it costs a backlog that the service is watched: a scrape of the metrics each second, a collector of traces
// that never answers, and a stream of attempts for the application.
import { runBacklog, WARM_UP_EVENTS } from "../backlog-run.ts";
import { atLeast, interleave, ratio, type Bench, type Scenario } from "../bench.ts";
import { API_TOKEN } from "../contenders/fluxhook.ts";
import { oneWebhookEach } from "../workload.ts";
import { eventsOf } from "./backlog.ts";

const ALONE = "Fluxhook";
const SCRAPED = "Fluxhook, scraped each second";
const TRACED = "Fluxhook, every attempt sampled, a collector that hangs";
const STREAMED = "Fluxhook, FLUXHOOK_ATTEMPTS_STREAM";
const SCRAPE_EVERY_MS = 1_000;

export const known: Scenario = {
  name: "known",
  what: "the same scraped each second, with a collector of traces that hangs, and with a stream of attempts",
  onlyByName: true,
  async run(bench) {
    const [contender] = await bench.contenders("fluxhook");
    if (!contender) return { rows: [], bars: [], notes: ["only Fluxhook has them"] };
    await using collector = hangingCollector();
    const run = (with_: Pick<Parameters<typeof runBacklog>[1], "env" | "beside"> = {}) => {
      return () =>
        runBacklog(bench, {
          contender,
          events: eventsOf(bench),
          warmUpEvents: WARM_UP_EVENTS,
          workload: (base) => oneWebhookEach(base, 1),
          ...with_,
        });
    };
    const traces = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: "always_on",
    };
    const rows = await interleave(bench, [
      { name: ALONE, run: run() },
      { name: SCRAPED, run: run({ beside: (urls) => scrape(bench, urls) }) },
      { name: TRACED, run: run({ env: traces }) },
      { name: STREAMED, run: run({ env: { FLUXHOOK_ATTEMPTS_STREAM: "bench:attempts" } }) },
    ]);
    const bars = [SCRAPED, TRACED].flatMap((name) => [
      ...atLeast(`${name}: deliveries per second`, 0.98, ratio(rows, "per_second", name, ALONE)),
      ...atLeast(`${name}: of a core`, 0.98, ratio(rows, "per_core_second", name, ALONE)),
    ]);
    return { rows, bars, notes: [`the collector took ${collector.requests} requests`] };
  },
};

async function scrape(
  { progress }: Pick<Bench, "progress">,
  [url = ""]: readonly string[],
): Promise<AsyncDisposable> {
  let scrapes = 0;
  const timer = setInterval(() => {
    void fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${API_TOKEN}` } })
      .then((response) => response.text())
      .then((text) => (scrapes += Number(text.includes("fluxhook_attempts_total"))))
      .catch(() => {});
  }, SCRAPE_EVERY_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      progress(`scraped ${scrapes} times`);
      await Promise.resolve();
    },
  };
}

/** Takes requests and answers none. */
function hangingCollector() {
  let requests = 0;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: () => {
      requests += 1;
      return new Promise<Response>(() => {});
    },
  });
  return {
    url: server.url.href,
    get requests() {
      return requests;
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
