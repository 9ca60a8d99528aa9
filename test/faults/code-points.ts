// The worker ends itself by SIGKILL at each point of a delivery's path: what is lost or sent twice
// then follows from the point alone (guarantees 1, 2 and 3).
import type { Redis } from "iovalkey";
import type { FaultPoint } from "../../src/fault-point.ts";
import { eventually } from "../support/eventually.ts";
import {
  check,
  counts,
  Producer,
  type Check,
  type CountingReceiver,
  type Result,
  type Scenario,
  type ScenarioContext,
  type WorkerProcess,
} from "./harness.ts";
import { leftIn, untilDone } from "./load.ts";

/** The only ones between send and settle: there, and nowhere else, an event may come again. */
const MAY_REPEAT: ReadonlySet<FaultPoint> = new Set(["sent", "answered"]);
const POINTS: readonly FaultPoint[] = [
  "claimed",
  "fanned-out",
  "signed",
  "sent",
  "answered",
  "settled",
  "logged",
];
/** Longer than from the request to the kill at "sent". */
const ANSWER_MS = 60;

interface Site {
  context: ScenarioContext;
  valkeyUrl: string;
  redis: Redis;
}

const everyPoint: Scenario = {
  name: "kill-at-code-points",
  what: `kill at each code point (${POINTS.join(", ")}) 20 times`,
  holds: "lost 0; duplicates only after sent and before settled",
  async run(context) {
    const kills = context.long ? 20 : 2;
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const site: Site = { context, valkeyUrl: valkey.url, redis };
    const all = await Promise.all(POINTS.map((point) => killAt(point, kills, site)));
    const sum = (of: (result: Result) => number) =>
      all.reduce((total, result) => total + of(result), 0);
    return {
      sent: sum(({ sent }) => sent),
      received: sum(({ received }) => received),
      lost: sum(({ lost }) => lost),
      duplicates: sum(({ duplicates }) => duplicates),
      checks: all.flatMap(({ checks }) => checks),
    };
  },
};

/** One event at a time, so that at the kill nothing else is under way. */
async function killAt(point: FaultPoint, kills: number, site: Site): Promise<Result> {
  const { context, valkeyUrl, redis } = site;
  const prefix = `at-${point}`;
  const env = { FLUXHOOK_PREFIX: prefix };
  const receivers = Array.from({ length: point === "fanned-out" ? 2 : 1 }, () => {
    const receiver = context.receiver();
    receiver.respond = async () => {
      await Bun.sleep(ANSWER_MS);
      return null;
    };
    return receiver;
  });
  const queue = `${prefix}:events`;
  const producer = new Producer(redis, { queue });
  const webhooks: string[] = [];
  let killed = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    // What dead workers hold waits for its takeover, which takes longer than all that follows.
    const { claims } = await leftIn(redis, queue);
    const fault = { FLUXHOOK_TEST_FAULT: `${point}:${kill % 3}` };
    const worker = await context.worker(valkeyUrl, { ...env, ...fault });
    if (webhooks.length === 0) {
      for (const receiver of receivers) {
        webhooks.push(await worker.register({ user_id: "u_1", url: receiver.url() }));
      }
    }
    await pushUntilKilled(worker, producer, {
      isIdle: async () => (await leftIn(redis, queue)).total <= claims,
      recordedAt: () => lastSuccesses(redis, prefix, webhooks),
    });
    if (worker.wasKilled) killed += 1;
  }
  await context.worker(valkeyUrl, env);
  for (const receiver of receivers) await untilDone(producer, receiver, redis, { queue });
  return verdict(point, { kills, killed }, producer, receivers);
}

async function pushUntilKilled(
  worker: WorkerProcess,
  producer: Producer,
  { isIdle, recordedAt }: { isIdle: () => Promise<boolean>; recordedAt: () => Promise<string> },
): Promise<void> {
  await eventually(async () => worker.hasEnded || (await isIdle()));
  while (!worker.hasEnded) {
    const before = await recordedAt();
    await producer.push(1);
    await eventually(
      async () => worker.hasEnded || (isPast(before, await recordedAt()) && (await isIdle())),
    );
  }
}

/** When each webhook had its last success: the last thing that an attempt writes. */
async function lastSuccesses(redis: Redis, prefix: string, webhooks: string[]): Promise<string> {
  const at = webhooks.map((id) => redis.hget(`${prefix}:health:${id}`, "last_success_at"));
  return (await Promise.all(at)).join(" ");
}

function isPast(before: string, now: string): boolean {
  const earlier = before.split(" ");
  return now.split(" ").every((at, i) => at !== earlier[i]);
}

function verdict(
  point: FaultPoint,
  { kills, killed }: { kills: number; killed: number },
  producer: Producer,
  receivers: readonly CountingReceiver[],
): Result {
  const each = receivers.map((receiver) => counts(producer, receiver));
  const sum = (of: (one: (typeof each)[number]) => number) =>
    each.reduce((total, one) => total + of(one), 0);
  const lost = sum((one) => one.lost);
  const duplicates = sum((one) => one.duplicates);
  const most = MAY_REPEAT.has(point) ? kills : 0;
  const changed = receivers.some(({ changedIds }) => changedIds.size > 0);
  const checks: Check[] = [
    check(
      `${point}: lost 0, duplicates ≤ ${most}, ${kills} kills`,
      `${lost}, ${duplicates}, ${killed}${changed ? ", an id changed" : ""}`,
      lost === 0 && duplicates <= most && killed === kills && !changed,
    ),
  ];
  const sent = sum((one) => one.sent);
  return { sent, received: sum((one) => one.received), lost, duplicates, checks };
}

export const codePoints: readonly Scenario[] = [everyPoint];
