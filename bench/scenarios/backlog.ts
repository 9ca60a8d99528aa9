// A backlog for one fast receiver, and the same over a thousand webhooks.
import { runBacklog, WARM_UP_EVENTS } from "../backlog-run.ts";
import {
  atLeast,
  interleave,
  ratio,
  type Bar,
  type Bench,
  type Row,
  type Scenario,
} from "../bench.ts";
import type { Contender, ContenderName } from "../contenders/contender.ts";
import { oneWebhookEach } from "../workload.ts";

export const ALL: readonly ContenderName[] = ["bare", "fluxhook", "bullmq-bun", "bullmq-node"];

/** Measured, after the warm-up. */
export const eventsOf = ({ quick }: Bench) => (quick ? 20_000 : 100_000);

function backlogCase(bench: Bench, contender: Contender, webhooks: number, name: string) {
  const events = eventsOf(bench);
  return {
    name,
    run: () =>
      runBacklog(bench, {
        contender,
        events,
        warmUpEvents: WARM_UP_EVENTS,
        workload: (base) => oneWebhookEach(base, webhooks),
      }),
  };
}

/** Fluxhook against the others, per second and per second of a core. */
export function againstOthers(rows: readonly Row[], suffix = ""): Bar[] {
  const to = (metric: "per_second" | "per_core_second", other: string) =>
    ratio(rows, metric, `Fluxhook${suffix}`, `${other}${suffix}`);
  return [
    ...atLeast(
      "deliveries per second, of the bare loop's",
      0.8,
      to("per_second", "bare loop of signed fetches"),
    ),
    ...atLeast(
      "deliveries per second of a core, of the bare loop's",
      0.8,
      to("per_core_second", "bare loop of signed fetches"),
    ),
    ...atLeast("times BullMQ on Bun", 2.5, to("per_second", "BullMQ, fetch, Bun")),
    ...atLeast("times BullMQ on Node", 10, to("per_second", "BullMQ, fetch, Node")),
  ];
}

export const backlog: Scenario = {
  name: "backlog",
  what: "100,000 events wait for one fast receiver",
  async run(bench) {
    const contenders = await bench.contenders(...ALL);
    const rows = await interleave(
      bench,
      contenders.map((one) => backlogCase(bench, one, 1, one.label)),
    );
    return { rows, bars: againstOthers(rows), notes: [] };
  },
};

const MANY = ", 1,000 webhooks";

export const many: Scenario = {
  name: "many",
  what: "the same over 1,000 webhooks of 1,000 users",
  async run(bench) {
    const cases = (await bench.contenders(...ALL)).flatMap((one) => [
      ...(one.name === "fluxhook" ? [backlogCase(bench, one, 1, "Fluxhook, 1 webhook")] : []),
      backlogCase(bench, one, 1_000, one.label + MANY),
    ]);
    const rows = await interleave(bench, cases);
    const to = (metric: "per_second" | "per_core_second") =>
      ratio(rows, metric, `Fluxhook${MANY}`, "Fluxhook, 1 webhook");
    const bars = [
      ...atLeast("deliveries per second, of those with one webhook", 0.85, to("per_second")),
      ...atLeast(
        "deliveries per second of a core, of those with one webhook",
        0.85,
        to("per_core_second"),
      ),
    ];
    return { rows, bars, notes: [] };
  },
};
