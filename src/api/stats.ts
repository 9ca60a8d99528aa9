// GET /v1/stats: what the service does now. GET /v1/series: what it did in the last hour or day.
import { createRoute } from "@hono/zod-openapi";
import { compress } from "hono/compress";
import { z } from "zod";
import { NEED_KINDS } from "../control/needs.ts";
import {
  SERIES_RANGES,
  type Overview,
  type SeriesRange,
  type SeriesRead,
  type ServiceStats,
} from "../control/service-stats.ts";
import type { Figures } from "../live/figures-feed.ts";
import { GAUGE_COLUMNS, LATENCY_COLUMNS, toColumns, type SeriesColumn } from "../stats/series.ts";
import { SERIES_COUNTS, type SeriesCount } from "../stats/series-window.ts";
import { apiOnly } from "./auth/authenticate.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";

const count = z.int().min(0);

const queueSchema = z.object({
  name: z.string(),
  depth: count.describe("elements on the list"),
  oldest_age_s: z.number().describe("how long the oldest of them has waited, at least"),
  ready: count.describe("deliveries that run next"),
  scheduled: count.describe("deliveries that wait for their next attempt"),
  due: count.describe("those of them whose time has come"),
  lanes: count.describe("webhooks with deliveries that wait for a slot"),
  parked: count,
  parked_bytes: count,
  ended: z
    .record(z.string(), count)
    .describe(
      "how deliveries have ended since the counts began: `delivered`, `parked`, `nobody`, …",
    ),
});

const workerSchema = z.object({
  id: z.string(),
  host: z.string().nullable(),
  version: z.string().nullable().describe("null: of an earlier version, which does not say it"),
  started_at: z.string().nullable(),
  last_beat_s: z.number().describe("since its last heartbeat; after 10 s others take over"),
  slots: count.nullable().describe("FLUXHOOK_CONCURRENCY"),
  used: count.nullable().describe("attempts under way"),
  held: count.nullable().describe("claimed and not settled"),
  queues: z.array(z.string()),
});

const needSchema = z.object({
  kind: z.enum(NEED_KINDS),
  about: z.string().describe("the id of a webhook, a list, the host of a worker"),
  message: z.string(),
  since: z.string().nullable().describe("RFC 3339; null if it is not known"),
  count,
});

const statsSchema = z
  .object({
    queues: z.array(queueSchema),
    workers: z.array(workerSchema).describe("one for each process, of all replicas"),
    rejected: count.describe("elements on the rejected list"),
    webhooks: z.object({ enabled: count, disabled: count }),
    valkey: z.object({
      version: z.string().nullable(),
      used_memory: count.nullable().describe("bytes"),
      maxmemory: count.nullable().describe("bytes; null: no limit"),
      append_only: z.boolean().nullable(),
      eviction_policy: z.string().nullable(),
      round_trip_ms: z.number(),
    }),
    needs: z
      .array(needSchema)
      .describe("what is broken and needs the operator; empty if all is well"),
  })
  .meta({ id: "Stats" });

const column = z.array(z.number().nullable());
const COLUMNS: readonly SeriesColumn[] = [
  ...(Object.keys(SERIES_COUNTS) as SeriesCount[]),
  ...LATENCY_COLUMNS,
  ...GAUGE_COLUMNS,
];
const seriesSchema = z
  .object({
    start: z.string().describe("RFC 3339: the beginning of the first step"),
    step_s: z.int(),
    series: z
      .object(
        Object.fromEntries(COLUMNS.map((name) => [name, column])) as Record<
          SeriesColumn,
          typeof column
        >,
      )
      .describe("one value for each step, the oldest first; null where nothing was counted"),
  })
  .meta({ id: "Series" });

const RANGES = Object.keys(SERIES_RANGES) as [SeriesRange, ...SeriesRange[]];

const seriesQuery = z.strictObject({
  range: z
    .enum(RANGES, {
      error: "is not kept; accepted are 1h (in steps of 10 s) and 24h (of a minute)",
    })
    .default("1h")
    .describe("`1h`: an hour in steps of 10 s; `24h`: a day in steps of a minute"),
});

export function addStats(api: Api, { stores }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/stats",
      summary:
        "Get what the service does now: lists, workers, webhooks, Valkey, and what needs you",
      description:
        "Of all replicas. Read from Valkey at most once a second, whatever the number of callers.",
      tags: ["operations"],
      middleware: apiOnly,
      responses: { 200: json(statsSchema, "the figures"), ...problems(401, 404, 500, 503) },
    }),
    async (c) => c.json(statsOf(await stores.stats.overview()), 200),
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/series",
      summary: "Get what the service did in the last hour or day, as columns of numbers",
      description:
        "Counts of all replicas together, through restarts. `delivered`, `parked`, `rejected`, `nobody` and " +
        "`filtered` count what has ended, `retry` failed attempts that are made again, `claimed` items " +
        "taken by workers. `p50_ms` and so on are percentiles of attempts, `wait_p50_ms` of the time from " +
        "the claim to the attempt, each within 9 %. `depth`, `oldest_age_s`, `scheduled` and `parked_now` " +
        "are the highest value of the step. Compressed if the request accepts gzip.",
      tags: ["operations"],
      // 360 steps of 20 columns are 40 KiB of mostly the same few characters, and a page asks every 5 s.
      middleware: [apiOnly, compress({ encoding: "gzip" })],
      request: { query: seriesQuery },
      responses: { 200: json(seriesSchema, "the columns"), ...problems(401, 404, 422, 500, 503) },
    }),
    async (c) => c.json(seriesOf(await stores.stats.series(c.req.valid("query").range)), 200),
  );
}

/** Reads what `GET /v1/stream?stats=true` shows: the same figures, of the series the newest steps. */
export async function readFigures(stats: ServiceStats): Promise<Figures> {
  const [overview, newest] = await Promise.all([stats.overview(), stats.newestSteps()]);
  return { stats: statsOf(overview), series: seriesOf(newest) };
}

function seriesOf({ startMs, stepS, steps }: SeriesRead): z.infer<typeof seriesSchema> {
  return { start: new Date(startMs).toISOString(), step_s: stepS, series: toColumns(steps) };
}

function statsOf(overview: Overview): z.infer<typeof statsSchema> {
  const { queues, processes, rejected, webhooks, disabledWebhooks, server, needs } = overview;
  const disabled = Math.min(disabledWebhooks, webhooks);
  return {
    queues: queues.map((queue) => ({
      name: queue.name,
      depth: queue.depth,
      oldest_age_s: (overview.oldestMs.get(queue.name) ?? 0) / 1_000,
      ready: queue.ready,
      scheduled: queue.scheduled,
      due: queue.due,
      lanes: queue.lanes,
      parked: queue.parked,
      parked_bytes: Math.max(0, queue.parkedBytes),
      ended: queue.ended,
    })),
    workers: processes.map((process) => ({
      id: process.id,
      host: process.host,
      version: process.version,
      started_at: process.startedAt,
      last_beat_s: Math.round(process.sinceBeatMs / 100) / 10,
      slots: process.slots,
      used: process.used,
      held: process.held,
      queues: process.queues,
    })),
    rejected,
    webhooks: { enabled: webhooks - disabled, disabled },
    valkey: {
      version: server.version,
      used_memory: server.usedMemory,
      maxmemory: server.maxMemory,
      append_only: server.appendOnly,
      eviction_policy: server.evictionPolicy,
      round_trip_ms: Math.round(server.roundTripMs * 100) / 100,
    },
    needs,
  };
}
