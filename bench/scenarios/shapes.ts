// Backlogs of other shapes: one event for many webhooks, large events, receivers with TLS.
import { runBacklog, WARM_UP_EVENTS, type BacklogRun } from "../backlog-run.ts";
import { atLeast, interleave, ratio, type Bench, type Case, type Scenario } from "../bench.ts";
import { makeTlsFiles } from "../tls-files.ts";
import { oneWebhookEach } from "../workload.ts";
import { ALL, eventsOf } from "./backlog.ts";

type Shape = Omit<BacklogRun, "contender">;

/** A shape, by everyone. */
async function casesOf(bench: Bench, suffix: string, shape: Shape): Promise<Case[]> {
  const contenders = await bench.contenders(...ALL);
  return contenders.map((contender) => ({
    name: contender.label + suffix,
    run: () => runBacklog(bench, { ...shape, contender }),
  }));
}

const WEBHOOKS = 100;

export const fanOut: Scenario = {
  name: "fan-out",
  what: "1,000 events for 100 webhooks each",
  async run(bench) {
    const events = bench.quick ? 200 : 1_000;
    const cases = await casesOf(bench, "", {
      events,
      warmUpEvents: WARM_UP_EVENTS / WEBHOOKS,
      workload: (base) => ({ ...oneWebhookEach(base, WEBHOOKS), perOwner: WEBHOOKS }),
    });
    return { rows: await interleave(bench, cases), bars: [], notes: [] };
  },
};

/** As many as Valkey holds in a few hundred megabytes. */
const SIZES = [
  { kib: 1, events: 100_000 },
  { kib: 16, events: 20_000 },
  { kib: 128, events: 2_500 },
];

export const sizes: Scenario = {
  name: "sizes",
  what: "events of 1, 16 and 128 KiB",
  async run(bench) {
    const cases: Case[] = [];
    for (const { kib, events } of SIZES) {
      const fewer = bench.quick ? events / 5 : events;
      const shape: Shape = {
        events: fewer,
        warmUpEvents: fewer / 5,
        workload: (base) => oneWebhookEach(base, 1, kib * 1_024 - 100),
      };
      cases.push(...(await casesOf(bench, `, ${kib} KiB`, shape)));
    }
    return { rows: await interleave(bench, cases), bars: [], notes: [] };
  },
};

export const tls: Scenario = {
  name: "tls",
  what: "the backlog for a receiver that speaks TLS",
  async run(bench) {
    const cases = await casesOf(bench, ", TLS", {
      events: eventsOf(bench),
      warmUpEvents: WARM_UP_EVENTS,
      workload: (base) => oneWebhookEach(base, 1),
      tls: makeTlsFiles(),
    });
    const rows = await interleave(bench, cases);
    const to = (metric: "per_second" | "per_core_second") =>
      ratio(rows, metric, "Fluxhook, TLS", "bare loop of signed fetches, TLS");
    return {
      rows,
      bars: [
        ...atLeast("deliveries per second, of the bare loop's with TLS", 0.75, to("per_second")),
        ...atLeast(
          "per second of a core, of the bare loop's with TLS",
          0.75,
          to("per_core_second"),
        ),
      ],
      notes: [],
    };
  },
};
