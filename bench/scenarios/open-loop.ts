// Latency from the push to the arrival at a fixed rate, alone and beside receivers that hang or fail.
import { atMost, difference, interleave, ratio, type Bar, type Scenario } from "../bench.ts";
import { runOpenLoop } from "../open-loop-run.ts";
import { oneWebhookEach, type Workload } from "../workload.ts";
import { ALL } from "./backlog.ts";

/** At most this much above the bare loop's, in ms; p99 by events a second. */
const MAX_P50_ABOVE = 1;
const MAX_P99_ABOVE = new Map([
  [1_000, 5],
  [5_000, 10],
]);
const RATES = [...MAX_P99_ABOVE.keys()];
const WEBHOOKS = 100;
const DATA_BYTES = 900;

const at = (name: string, perSecond: number) => `${name}, ${perSecond.toLocaleString("en-US")}/s`;

export const openLoop: Scenario = {
  name: "open-loop",
  what: "1,000 and 5,000 events a second are offered; from the push to the arrival",
  async run(bench) {
    const contenders = await bench.contenders(...ALL);
    const cases = RATES.flatMap((perSecond) =>
      contenders.map((contender) => ({
        name: at(contender.label, perSecond),
        run: () =>
          runOpenLoop(bench, {
            contender,
            perSecond,
            seconds: bench.quick ? 5 : 20,
            warmUpSeconds: bench.quick ? 3 : 5,
            workload: (base) => oneWebhookEach(base, WEBHOOKS, DATA_BYTES),
          }),
      })),
    );
    const rows = await interleave(bench, cases);
    const bars = [...MAX_P99_ABOVE].flatMap(([perSecond, maxP99]) => {
      const above = (metric: "p50_ms" | "p99_ms") =>
        difference(
          rows,
          metric,
          at("Fluxhook", perSecond),
          at("bare loop of signed fetches", perSecond),
        );
      return [
        ...atMost(at("p50, ms above the bare loop's", perSecond), MAX_P50_ABOVE, above("p50_ms")),
        ...atMost(at("p99, ms above the bare loop's", perSecond), maxP99, above("p99_ms")),
      ];
    });
    return {
      rows,
      bars,
      notes: ["The bare loop has no queue: its latency is what fetch and the receiver take."],
    };
  },
};

/** Webhooks 0 to 9 hang and 10 to 19 fail, at the other receiver; the rest are measured. */
function partlyNoisy(base: string, other: string): Workload {
  const { urls, ...rest } = oneWebhookEach(base, WEBHOOKS, DATA_BYTES);
  const noisy = urls.map((url, i) => {
    if (i >= WEBHOOKS / 5) return url;
    return `${other}/${i < WEBHOOKS / 10 ? "hang" : "fail"}/${i}`;
  });
  return { ...rest, urls: noisy };
}

const MAX_RATIO = 1.2;
const MAX_MORE_MS = 2;

export const noisy: Scenario = {
  name: "noisy",
  what: "the same over 100 webhooks, of which 10 hang and 10 fail; latency of the other 80",
  async run(bench) {
    const contenders = await bench.contenders("fluxhook");
    const cases = RATES.flatMap((perSecond) =>
      contenders.flatMap((contender) =>
        (["count", "noise"] as const).map((otherMode) => ({
          name: at(otherMode === "count" ? "all are well" : "10 hang, 10 fail", perSecond),
          run: () =>
            runOpenLoop(bench, {
              contender,
              perSecond,
              seconds: bench.quick ? 6 : 20,
              // Longer than the time-out of those that hang.
              warmUpSeconds: 12,
              workload: partlyNoisy,
              otherMode,
              share: 0.8,
            }),
        })),
      ),
    );
    const rows = await interleave(bench, cases);
    const bars = RATES.flatMap((perSecond): Bar[] => {
      const names = [at("10 hang, 10 fail", perSecond), at("all are well", perSecond)] as const;
      const found = ratio(rows, "p99_ms", ...names);
      const moreMs = difference(rows, "p99_ms", ...names);
      if (Number.isNaN(found)) return [];
      return [
        {
          what: `p99 of the healthy at ${perSecond}/s, of that without noise (${moreMs.toFixed(2)} ms more)`,
          limit: `≤ ${MAX_RATIO}, or ${MAX_MORE_MS} ms more`,
          found,
          met: found <= MAX_RATIO || moreMs <= MAX_MORE_MS,
        },
      ];
    });
    return { rows, bars, notes: [] };
  },
};
