// What a delivery costs, and what the process holds, as the backlog, the number of webhooks and the
// number of workers grow.
import { runBacklog, WARM_UP_EVENTS, type BacklogRun } from "../backlog-run.ts";
import {
  atMost,
  interleave,
  medianOf,
  ratio,
  type Bar,
  type Bench,
  type Case,
  type Metric,
  type Row,
  type Scenario,
} from "../bench.ts";
import { oneWebhookEach } from "../workload.ts";

/** A million of them are to fit into any Valkey. */
const DATA_BYTES = 100;
const WORKERS = [1, 2, 3, 4];

const counted = (n: number) => n.toLocaleString("en-US");

type Grown = Omit<BacklogRun, "contender">;

async function caseOf(bench: Bench, name: string, grown: Grown): Promise<Case[]> {
  const contenders = await bench.contenders("fluxhook");
  return contenders.map((contender) => ({
    name,
    run: () => runBacklog(bench, { ...grown, contender }),
  }));
}

/** The same stretch of each backlog: what else waits only waits. */
function waiting(most: number, events: number): Grown {
  const all = events + WARM_UP_EVENTS;
  return {
    events,
    warmUpEvents: WARM_UP_EVENTS,
    mostWaiting: most < all ? most : undefined,
    extraEvents: Math.max(0, most - all),
    workload: (base) => oneWebhookEach(base, 1, DATA_BYTES),
  };
}

export const growth: Scenario = {
  name: "growth",
  what: "CPU and memory as backlog, webhooks and workers grow",
  async run(bench) {
    const { quick } = bench;
    const backlogs = quick ? [10_000, 30_000, 100_000] : [10_000, 100_000, 1_000_000];
    const webhooks = quick ? [10, 1_000, 10_000] : [10, 1_000, 100_000];
    const events = quick ? 20_000 : 50_000;
    const backlogName = (n: number) => `${counted(n)} waiting`;
    const webhookName = (n: number) => `${counted(n)} webhooks`;
    const cases: Case[] = [];
    for (const most of backlogs) {
      cases.push(...(await caseOf(bench, backlogName(most), waiting(most, events))));
    }
    for (const count of webhooks) {
      const grown: Grown = {
        // Each webhook has had at least one.
        events: Math.max(events, ...webhooks),
        warmUpEvents: WARM_UP_EVENTS,
        workload: (base) => oneWebhookEach(base, count, DATA_BYTES),
      };
      cases.push(...(await caseOf(bench, webhookName(count), grown)));
    }
    for (const workers of WORKERS) {
      const name = `${workers} worker${workers === 1 ? "" : "s"}`;
      const grown: Grown = {
        events,
        warmUpEvents: WARM_UP_EVENTS * workers,
        workers,
        workload: (base) => oneWebhookEach(base, 100, DATA_BYTES),
      };
      cases.push(...(await caseOf(bench, name, grown)));
    }
    const rows = await interleave(bench, cases);
    const costs = (names: string[]) => ratio(rows, "cpu_us", names.at(-1) ?? "", names[0] ?? "");
    return {
      rows,
      bars: [
        ...atMost(
          `CPU of a delivery with ${backlogName(backlogs.at(-1)!)}, of the smallest's`,
          1.15,
          costs(backlogs.map(backlogName)),
        ),
        ...atMost(
          `CPU of a delivery with ${webhookName(webhooks.at(-1)!)}, of the smallest's`,
          1.5,
          costs(webhooks.map(webhookName)),
        ),
        ...mostRss(rows, backlogName(backlogs.at(-1)!), 120),
        ...mostRss(rows, webhookName(webhooks.at(-1)!), 240),
      ],
      notes: bench.pins === null ? [] : ["All workers share the contender's core."],
    };
  },
};

function mostRss(rows: readonly Row[], name: string, mb: number): Bar[] {
  const metric: Metric = "rss_peak_mb";
  const found = medianOf(
    rows.find((row) => row.name === name),
    metric,
  );
  return atMost(`most RSS with ${name}, MB`, mb, found);
}
