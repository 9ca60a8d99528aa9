// Reads how much there is of everything: lists, schedules, parked and rejected, workers, webhooks, the server. Some
// twenty commands in two pipelines, whatever the number of webhooks.
import { readWorkerInfo, type WorkerInfo } from "../../wire/worker-info.ts";
import type { StoreLink } from "../connection/link.ts";
import { queueKeys, type SharedKeys } from "../keys.ts";

export interface QueueFigures {
  name: string;
  /** Elements on the list. */
  depth: number;
  ready: number;
  scheduled: number;
  /** Scheduled deliveries that may be claimed now. */
  due: number;
  lanes: number;
  parked: number;
  parkedBytes: number;
  workers: readonly QueueWorker[];
  /** How deliveries have ended since the counts began, by kind. */
  ended: Readonly<Record<string, number>>;
}

export interface QueueWorker {
  /** Its id in this queue. */
  id: string;
  sinceBeatMs: number;
  /** Null for a worker of an earlier version. */
  info: WorkerInfo | null;
}

export interface ServerFigures {
  version: string | null;
  usedMemory: number | null;
  /** Null: no limit, or unknown. */
  maxMemory: number | null;
  appendOnly: boolean | null;
  evictionPolicy: string | null;
  roundTripMs: number;
}

export interface Figures {
  queues: QueueFigures[];
  rejected: number;
  webhooks: number;
  disabledWebhooks: number;
  server: ServerFigures;
}

/** Fields of the hash that are no ending: what was taken off the list, and what is parked. */
const NOT_ENDINGS = new Set(["taken", "parked_bytes"]);
const PER_QUEUE = 9;

type Reply = [Error | null, unknown] | undefined;

export class StatsStore {
  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
    private readonly queues: readonly string[],
  ) {}

  /** What cannot be read (a key holds something else, an ACL denies INFO) counts as 0 or null. */
  async read(): Promise<Figures> {
    const { keys, queues } = this;
    const startedAt = performance.now();
    const replies = await this.link.run(async (client) => {
      const [seconds, micros] = await client.time();
      const now = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
      const roundTripMs = performance.now() - startedAt;
      const pipeline = client.pipeline();
      for (const queue of queues) {
        const of = queueKeys(queue);
        pipeline
          .llen(of.queue)
          .llen(of.ready)
          .zcard(of.schedule)
          .zcount(of.schedule, "-inf", now)
          .zcard(of.lanes)
          .zcard(of.parked)
          .call("HGETALL", of.stats)
          .zrange(of.workers, "0", "-1", "WITHSCORES")
          .llen(of.next);
      }
      pipeline
        .llen(keys.rejected)
        .hlen(keys.webhookOwners)
        .zcard(keys.disabledWebhooks)
        .info("server", "memory", "persistence");
      return { now, roundTripMs, all: (await pipeline.exec()) ?? [] };
    });
    const { now, roundTripMs, all } = replies;
    const workers = queues.map((_, at) => scores(all[at * PER_QUEUE + 7]));
    const infos = await this.readInfos(workers);
    const shared = all.slice(queues.length * PER_QUEUE);
    return {
      queues: queues.map((name, nth) => {
        const reply = (at: number) => all[nth * PER_QUEUE + at];
        const stats = counts(reply(6));
        const { parked_bytes: parkedBytes = 0 } = stats;
        return {
          name,
          // What was moved off the list, and is not claimed yet, still waits.
          depth: number(reply(0)) + number(reply(8)),
          ready: number(reply(1)),
          scheduled: number(reply(2)),
          due: number(reply(3)),
          lanes: number(reply(4)),
          parked: number(reply(5)),
          parkedBytes,
          workers: (workers[nth] ?? []).map(({ member, score }) => ({
            id: member,
            sinceBeatMs: Math.max(0, now - score),
            info: infos.get(queueKeys(name).worker(member)) ?? null,
          })),
          ended: Object.fromEntries(
            Object.entries(stats).filter(([kind]) => !NOT_ENDINGS.has(kind)),
          ),
        };
      }),
      rejected: number(shared[0]),
      webhooks: number(shared[1]),
      disabledWebhooks: number(shared[2]),
      server: { ...serverFigures(shared[3]), roundTripMs },
    };
  }

  /** By the key of the worker. */
  private async readInfos(
    workers: readonly (readonly { member: string }[])[],
  ): Promise<Map<string, WorkerInfo>> {
    const keys = this.queues.flatMap((queue, nth) =>
      (workers[nth] ?? []).map(({ member }) => queueKeys(queue).worker(member)),
    );
    const found = new Map<string, WorkerInfo>();
    if (keys.length === 0) return found;
    const replies = await this.link.run(async (client) => {
      const pipeline = client.pipeline();
      for (const key of keys) pipeline.hget(key, "info");
      return (await pipeline.exec()) ?? [];
    });
    for (const [at, key] of keys.entries()) {
      const text = replies[at]?.[1];
      const info = readWorkerInfo(typeof text === "string" ? text : null);
      if (info) found.set(key, info);
    }
    return found;
  }
}

function number(reply: Reply): number {
  return typeof reply?.[1] === "number" ? reply[1] : 0;
}

/** Other programs may have written the hash. */
function counts(reply: Reply): Record<string, number> {
  const found: Record<string, number> = {};
  const fields = Array.isArray(reply?.[1]) ? reply[1].map(String) : [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const value = Number(fields[at + 1]);
    const name = fields[at] ?? "";
    if (/^[a-z_-]{1,40}$/.test(name) && Number.isFinite(value)) found[name] = value;
  }
  return found;
}

function scores(reply: Reply): { member: string; score: number }[] {
  const flat = Array.isArray(reply?.[1]) ? reply[1].map(String) : [];
  const found = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    found.push({ member: flat[at] ?? "", score: Number(flat[at + 1]) });
  }
  return found;
}

function serverFigures(reply: Reply): Omit<ServerFigures, "roundTripMs"> {
  const text = typeof reply?.[1] === "string" ? reply[1] : "";
  const field = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, "m").exec(text)?.[1] ?? null;
  const amount = (name: string) => {
    const value = field(name);
    return value === null || !/^\d+$/.test(value) ? null : Number(value);
  };
  const appendOnly = field("aof_enabled");
  return {
    version: field("valkey_version") ?? field("redis_version"),
    usedMemory: amount("used_memory"),
    maxMemory: amount("maxmemory") || null,
    appendOnly: appendOnly === null ? null : appendOnly === "1",
    evictionPolicy: field("maxmemory_policy"),
  };
}
