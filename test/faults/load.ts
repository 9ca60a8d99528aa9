// Load while something breaks: a backlog that never ends, pushed by a client that waits for nothing,
// and what has to be left in Valkey when it is over.
import { Redis } from "iovalkey";
import { eventually } from "../support/eventually.ts";
import {
  check,
  counts,
  QUEUE,
  type Check,
  type CountingReceiver,
  type Producer,
  type Result,
  type WorkerProcess,
} from "./harness.ts";

const ANSWER_WITHIN_MS = 1_000;

/**
 * A producer's connection. iovalkey on its own would send a push again after a reconnect, or never
 * settle it; here it is refused, and the producer does not count it.
 */
export class ImpatientClient {
  private redis: Redis | null = null;

  constructor(private readonly url: string) {}

  async call(command: string, args: string[]): Promise<unknown> {
    const redis = (this.redis ??= this.open());
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error("no answer")), ANSWER_WITHIN_MS);
    try {
      return await Promise.race([this.ask(redis, command, args), late.promise]);
    } catch (error) {
      if (this.redis === redis) this.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.redis?.disconnect();
    this.redis = null;
  }

  private async ask(redis: Redis, command: string, args: string[]): Promise<unknown> {
    if (redis.status === "wait") await redis.connect();
    return redis.call(command, args);
  }

  private open(): Redis {
    const redis = new Redis(this.url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    redis.on("error", () => {});
    return redis;
  }
}

const GROUP = 50;

/** Pushes whenever fewer than `backlog` events are under way, until it is stopped. */
export function startLoad(
  producer: Producer,
  receiver: CountingReceiver,
  backlog = 500,
): { stop: () => Promise<void> } {
  const end = new AbortController();
  const run = async () => {
    while (!end.signal.aborted) {
      const refused = producer.refused;
      if (producer.acknowledged - receiver.distinct < backlog) await producer.push(GROUP, GROUP);
      else await Bun.sleep(5);
      if (producer.refused > refused) await Bun.sleep(20);
    }
  };
  const running = run();
  return {
    stop: async () => {
      end.abort();
      await running;
    },
  };
}

/**
 * Waits until all has arrived and Valkey holds nothing more to do, or the time is over. What still
 * waits for its takeover is waited for too: it would come a second time.
 */
export async function untilDone(
  producer: Producer,
  receiver: CountingReceiver,
  redis: Redis,
  { withinMs = 60_000, queue = QUEUE }: { withinMs?: number; queue?: string } = {},
): Promise<void> {
  // That it is not is what the checks say, with numbers.
  await eventually(
    async () => producer.missingAt(receiver) === 0 && (await leftIn(redis, queue)).total === 0,
    { withinMs },
  ).catch(() => {});
}

/** What Valkey still holds to be delivered. */
export async function leftIn(
  redis: Redis,
  queue = QUEUE,
): Promise<{ claims: number; scheduled: number; total: number }> {
  const base = `{${queue}}`;
  let claims = 0;
  for (const key of await redis.keys(`${base}:claims:*`)) claims += await redis.hlen(key);
  const scheduled = Math.max(
    await redis.zcard(`${base}:schedule`),
    await redis.hlen(`${base}:scheduled`),
  );
  let waiting = 0;
  for (const key of [queue, `${base}:next`, `${base}:ready`]) waiting += await redis.llen(key);
  for (const key of await redis.keys(`${base}:lane:*`)) waiting += await redis.llen(key);
  return { claims, scheduled, total: claims + scheduled + waiting };
}

/** What holds after every fault: nothing lost, nothing left, each delivery ended once. */
export async function settledChecks(
  producer: Producer,
  receiver: CountingReceiver,
  redis: Redis,
  options: { duplicates?: number } = {},
): Promise<Result> {
  const most = options.duplicates ?? 0;
  const result = counts(producer, receiver);
  const left = await leftIn(redis);
  const { delivered = "0", taken = "0", ...others } = await redis.hgetall(`{${QUEUE}}:stats`);
  // What is lost must have ended somehow: as what, if Valkey knows of it.
  const otherwise = Object.entries({ taken, ...others }).map(([how, many]) => `${many} ${how}`);
  const checks: Check[] = [
    check(
      "lost",
      result.lost === 0 ? 0 : `${result.lost} (${otherwise.join(", ")})`,
      result.lost === 0,
    ),
    check(
      most === 0 ? "duplicates" : `duplicates ≤ ${most}`,
      result.duplicates,
      result.duplicates <= most,
    ),
    check("events whose id changed", receiver.changedIds.size, receiver.changedIds.size === 0),
    check("claims left", left.claims, left.claims === 0),
    check("other work left", left.total - left.claims, left.total === left.claims),
    check(
      `settled as delivered, of ${receiver.distinct}`,
      delivered,
      Number(delivered) === receiver.distinct,
    ),
  ];
  return { ...result, checks };
}

/** What the log says at these levels. An outage is worth a warning; an error is a fault of ours. */
export function linesAt(levels: readonly ("warn" | "error")[], log: string): string[] {
  return log
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as { level: "warn" | "error"; event: string })
    .filter(({ level }) => levels.includes(level))
    .map(({ event }) => event);
}

/** After an outage: the same process goes on, and took it for what it was. */
export async function wentOn(worker: WorkerProcess): Promise<Check[]> {
  const errors = linesAt(["error"], await worker.log());
  return [
    check("worker is the same process", worker.pid, !worker.hasEnded),
    check("errors in its log", errors.join(", ") || 0, errors.length === 0),
  ];
}
