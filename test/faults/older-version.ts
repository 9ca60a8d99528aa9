// An upgrade without a stop: a Valkey that the version before has filled, then replicas of both versions
// side by side under load, then the new ones alone.
import type { Redis } from "iovalkey";
import { queueKeys } from "../../src/valkey/keys.ts";
import { eventually } from "../support/eventually.ts";
import { indexFaults } from "../support/parked-index.ts";
import {
  check,
  counts,
  type Check,
  type CountingReceiver,
  Producer,
  QUEUE,
  type Result,
  type Scenario,
  type ScenarioContext,
  type WorkerProcess,
} from "./harness.ts";
import { leftIn, linesAt, untilDone } from "./load.ts";
import { olderBinary } from "./older-binary.ts";
import { Watchers } from "./watchers.ts";

const KEYS = queueKeys(QUEUE);
const CONCURRENCY = 64;
/** `fan` has two webhooks; what fails is parked after its second attempt. */
const USERS = ["well", "failing", "flaky", "slow", "fan"];
const FAILING = ["failing", "fan"];
const RETRY = ["0s", "500ms"];
const KILLS = 3;

interface Scene {
  context: ScenarioContext;
  redis: Redis;
  producer: Producer;
  /** Gets every event once. */
  receiver: CountingReceiver;
  /** Gets those of `fan` a second time. */
  twin: CountingReceiver;
  start: (version: "older" | "new") => Promise<WorkerProcess>;
}

export const olderVersion: Scenario = {
  name: "older-version",
  what: "the previous version fills Valkey and is killed; two replicas of each version under load, watched and scraped, one of each killed; then new ones alone",
  holds: "lost 0; every parked delivery is redelivered; the index of parked deliveries is right",
  async run(context) {
    const older = await olderBinary(context.older);
    if (older === null) return notRun(context);
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const [receiver, twin] = [context.receiver(), context.receiver()];
    const producer = new Producer(redis, { userOf });
    const env = {
      FLUXHOOK_CONCURRENCY: String(CONCURRENCY),
      FLUXHOOK_WEBHOOK_CONCURRENCY: "4",
      FLUXHOOK_PARKED_MAX: "1000000",
    };
    const scene: Scene = {
      context,
      redis,
      producer,
      receiver,
      twin,
      start: (version) =>
        context.worker(valkey.url, env, version === "older" ? { binary: older } : {}),
    };
    const heal = failUntilHealed(receiver, twin);

    const checks = await fillWithOlder(scene);
    const news = await runBoth(scene, checks);
    heal();
    await untilIndexIsRight(scene, checks);
    await redeliverAll(news[0]!, scene, checks);
    await untilDone(producer, receiver, redis, { withinMs: 120_000 });
    const result = counts(producer, receiver);
    const fanned = [...Array(producer.next).keys()].filter((n) => userOf(n) === "fan");
    const lostAtTwin = fanned.filter((n) => !twin.arrivals.has(n)).length;
    const left = await leftIn(redis);
    const most = KILLS * CONCURRENCY;
    const duplicates = result.duplicates + twin.duplicates;
    const indexLeft = await eventually(
      async () => (await redis.keys(`${KEYS.base}:parked*`)).length === 0,
      { withinMs: 10_000 },
    ).catch(() => false);
    const errors = (
      await Promise.all(news.map(async (one) => linesAt(["error"], await one.log())))
    ).flat();
    checks.push(
      check("lost", result.lost, result.lost === 0),
      check("lost at the second webhook of an event", lostAtTwin, lostAtTwin === 0),
      check(`duplicates ≤ ${most}`, duplicates, duplicates <= most),
      check("events whose id changed", receiver.changedIds.size, receiver.changedIds.size === 0),
      check("work left", left.total, left.total === 0),
      check("keys of parked deliveries and their index are gone", String(indexLeft), indexLeft),
      check("errors in the new replicas' logs", errors.join(" ") || 0, errors.length === 0),
    );
    return { ...result, duplicates, checks };
  },
};

/** A shallow clone may run the short form. */
function notRun({ long }: ScenarioContext): Result {
  const why = "this clone has no history to build it from; give a binary: --older <path>";
  return { ...NOTHING, checks: [check("(not run) the previous version", why, !long)] };
}

const NOTHING = { sent: 0, received: 0, lost: 0, duplicates: 0 };

function userOf(n: number): string {
  return USERS[n % USERS.length] ?? "";
}

/** What fails does so until the function that is answered is called. */
function failUntilHealed(receiver: CountingReceiver, twin: CountingReceiver): () => void {
  let healed = false;
  const failedOnce = new Set<number>();
  const fail = () => new Response(null, { status: 500 });
  receiver.respond = async (n) => {
    const user = userOf(n);
    if (user === "slow" && !healed) await Bun.sleep(30);
    if (user === "flaky" && !failedOnce.has(n)) {
      failedOnce.add(n);
      return fail();
    }
    return user === "failing" && !healed ? fail() : null;
  };
  twin.respond = () => (healed ? null : fail());
  return () => (healed = true);
}

/** Every kind of state, written by the version before, which is killed in the middle. */
async function fillWithOlder({
  context,
  redis,
  producer,
  receiver,
  twin,
  start,
}: Scene): Promise<Check[]> {
  const worker = await start("older");
  for (const user of USERS) {
    await worker.register({ user_id: user, url: receiver.url(`/${user}`), retry_schedule: RETRY });
  }
  await worker.register({ user_id: "fan", url: twin.url("/fan"), retry_schedule: RETRY });
  await redis.lpush(QUEUE, ...Array.from({ length: 20 }, (_, i) => `rejected ${i}`));
  const parked = context.long ? 2_000 : 200;
  const found = await eventually(
    async () => {
      if ((await redis.llen(QUEUE)) < 500) await producer.push(500);
      const places = {
        waiting: await redis.llen(QUEUE),
        claimed: (await leftIn(redis)).claims,
        scheduled: await redis.zcard(KEYS.schedule),
        lanes: await redis.zcard(KEYS.lanes),
        parked: await redis.zcard(KEYS.parked),
        rejected: await redis.llen("fluxhook:rejected"),
        logs: (await redis.keys("fluxhook:logs:*")).length,
      };
      context.progress(`filling: ${places.parked} parked`);
      const isFull = Object.values(places).every((n) => n > 0) && places.parked >= parked;
      return isFull ? places : null;
    },
    { withinMs: 120_000 },
  );
  await worker.kill();
  const text = Object.entries(found).map(([place, n]) => `${n} ${place}`);
  return [check("left by the previous version", text.join(", "), true)];
}

/** Both versions park and redeliver, and one of each is killed. Answers the new ones that are left. */
async function runBoth(scene: Scene, checks: Check[]): Promise<WorkerProcess[]> {
  const { context, redis, producer, start } = scene;
  const olders = [await start("older"), await start("older")];
  const news = [await start("new"), await start("new")];
  const watchers = await Watchers.of(news[0]!);
  const until = performance.now() + (context.long ? 90_000 : 15_000);
  const half = (until + performance.now()) / 2;
  const statuses = new Map<number, number>();
  const redelivered = { older: 0, new: 0 };
  while (performance.now() < until) {
    if ((await redis.llen(QUEUE)) < 200) await producer.push(100);
    // The second of each is killed, the first one stays.
    if (performance.now() > half && !news[1]!.hasEnded) {
      await Promise.all([olders[1]!.kill(), news[1]!.kill()]);
    }
    for (const version of ["older", "new"] as const) {
      const worker = (version === "older" ? olders : news)[0]!;
      for (const user of FAILING) {
        const body = { user_id: user, limit: 20 };
        const answer = await worker.api("POST", "/v1/parked/redeliver", body);
        redelivered[version] += ((await answer.json()) as { redelivered: number }).redelivered;
      }
    }
    await watchers.read();
    const listed = await news[0]!.api("GET", "/v1/parked?user_id=failing");
    statuses.set(listed.status, (statuses.get(listed.status) ?? 0) + 1);
    context.progress(`side by side: ${await redis.zcard(KEYS.parked)} parked`);
  }
  for (const older of olders) if (!older.hasEnded) await older.terminate();
  const others = [...statuses].filter(([status]) => status !== 200);
  checks.push(
    ...watchers.end(),
    check("redelivered by the previous version", redelivered.older, redelivered.older > 0),
    check("redelivered by this one", redelivered.new, redelivered.new > 0),
    check("lists answered", statuses.get(200) ?? 0, (statuses.get(200) ?? 0) > 0),
    check("lists answered with another status", JSON.stringify(others), others.length === 0),
  );
  return [news[0]!, await start("new")];
}

/** The heartbeats of the new replicas alone: nobody asks them for a list. */
async function untilIndexIsRight({ redis }: Scene, checks: Check[]): Promise<void> {
  const startedAt = performance.now();
  // Until nothing is under way, the parked deliveries change while they are compared.
  await eventually(async () => (await leftIn(redis)).total === 0, { withinMs: 120_000 });
  const settledAt = performance.now();
  const faults = await eventually(
    async () => ((await indexFaults(redis, KEYS.base)).length === 0 ? [] : null),
    { withinMs: 20_000 },
  ).catch(() => indexFaults(redis, KEYS.base));
  const parked = await redis.zcard(KEYS.parked);
  const text = `${faults.slice(0, 3).join("; ")}${faults.length} faults of ${parked} parked`;
  checks.push(
    check("the index compared with the parked deliveries", text, faults.length === 0 && parked > 0),
    check(
      "seconds until nothing was in flight, and then until the index was right",
      `${seconds(settledAt - startedAt)}, ${seconds(performance.now() - settledAt)}`,
      true,
    ),
  );
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

async function redeliverAll(worker: WorkerProcess, { redis }: Scene, checks: Check[]) {
  const parked = await redis.zcard(KEYS.parked);
  let all = 0;
  for (const user of FAILING) {
    let remaining = 1;
    while (remaining > 0) {
      const answer = await worker.api("POST", "/v1/parked/redeliver", { user_id: user });
      const done = (await answer.json()) as { redelivered: number; remaining: number };
      all += done.redelivered;
      remaining = done.redelivered === 0 ? 0 : done.remaining;
    }
  }
  checks.push(check(`redelivered of ${parked} parked`, all, all === parked));
}
