// Much that waits: at Valkey's memory limit, behind an endpoint that is down, a million events.
import { Redis } from "iovalkey";
import { eventually } from "../support/eventually.ts";
import { check, counts, CountingReceiver, Producer, QUEUE, type Scenario } from "./harness.ts";

const atTheMemoryLimit: Scenario = {
  name: "valkey-at-maxmemory",
  what: "Valkey at maxmemory with noeviction, filled by its publishers",
  holds: "publishers see an error; the worker goes on and drains everything; lost 0",
  async run(context) {
    const valkey = await context.valkey([
      "--maxmemory",
      "64mb",
      "--maxmemory-policy",
      "noeviction",
    ]);
    const receiver = context.receiver();
    const gate = Promise.withResolvers<null>();
    receiver.respond = () => gate.promise;
    const registrar = await context.worker(valkey.url);
    await registrar.register({ user_id: "u_1", url: receiver.url() });
    await registrar.terminate();

    const redis = await context.redis(valkey.url);
    const producer = new Producer(redis, { padding: context.long ? 200 : 4_000 });
    // By groups, then singly: a group's own bytes count at the limit while it is sent.
    for (const group of [200, 1]) {
      const refused = producer.refused;
      while (producer.refused === refused && producer.next < 1_000_000) {
        await producer.push(group, group);
      }
    }
    const published = await errorOf(redis.lpush(QUEUE, producer.element(-1)));
    // Below what is there, so that nothing but the worker's own taking gets it under the limit again.
    await redis.config("SET", "maxmemory", "48mb");

    // It starts at the limit, and what it takes stays in Valkey until it is settled.
    const worker = await context.worker(valkey.url);
    await eventually(() => receiver.inFlight > 0);
    const api = await worker.api("POST", "/v1/events", {
      user_id: "u_1",
      event: "file.created",
      data: { n: -2, p: "x".repeat(4_000) },
    });
    gate.resolve(null);
    await eventually(() => receiver.distinct >= producer.acknowledged, {
      withinMs: 120_000,
    }).catch(() => {});
    const result = counts(producer, receiver);
    await eventually(async () => (await errorOf(redis.lpush(QUEUE, "not an event"))) === null);
    return {
      ...result,
      checks: [
        check(
          "a push at the limit",
          published ?? "accepted",
          published?.startsWith("OOM") ?? false,
        ),
        check("POST /v1/events at the limit", api.status, api.status === 503),
        check("lost", result.lost, result.lost === 0),
        check("duplicates", result.duplicates, result.duplicates === 0),
        check("worker has crashed", String(worker.hasEnded), !worker.hasEnded),
      ],
    };
  },
};

async function errorOf(reply: Promise<unknown>): Promise<string | null> {
  try {
    await reply;
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const SHARE = 16;

const endpointDown: Scenario = {
  name: "endpoint-down",
  what: "an endpoint refuses connections, then answers 500, then recovers; events wait for it",
  holds: "never more requests in flight than its share; every event arrives",
  async run(context) {
    const events = context.long ? 50_000 : 3_000;
    const valkey = await context.valkey();
    const worker = await context.worker(valkey.url, {
      FLUXHOOK_WEBHOOK_CONCURRENCY: String(SHARE),
    });
    // Where nobody listens any more, and somebody will again.
    const before = new CountingReceiver();
    const url = before.url();
    await before.stop();
    const webhook = await worker.register({
      user_id: "u_1",
      url,
      // Enough attempts for the whole outage; `null`: it is not disabled for it.
      retry_schedule: ["0s", ...Array.from({ length: 49 }, () => "1s")],
      disable_rule: null,
      timeout_ms: 5_000,
    });
    const producer = new Producer(await context.redis(valkey.url));
    await producer.push(events);
    context.progress("the connection is refused");
    await eventually(() => failures(worker, webhook, 20), { withinMs: 20_000 });

    const receiver = context.receiver(Number(new URL(url).port));
    let isDown = true;
    receiver.respond = async () => {
      await Bun.sleep(3);
      return isDown ? new Response(null, { status: 500 }) : null;
    };
    context.progress("it answers 500");
    // Refused connections have left it one request at a time, and a 500 is no success to grow by.
    const enough = Math.min(events / 3, 5_000);
    await eventually(() => receiver.requests >= enough, { withinMs: 120_000 });
    isDown = false;
    context.progress("it is back");
    await eventually(() => receiver.distinct >= events, { withinMs: 180_000 }).catch(() => {});
    const result = counts(producer, receiver);
    return {
      ...result,
      checks: [
        check("lost", result.lost, result.lost === 0),
        check("duplicates", result.duplicates, result.duplicates === 0),
        check(
          `most in flight ≤ ${SHARE}, and its share was used`,
          receiver.mostInFlight,
          receiver.mostInFlight <= SHARE && receiver.mostInFlight > SHARE / 2,
        ),
        check("events whose id changed", receiver.changedIds.size, receiver.changedIds.size === 0),
      ],
    };
  },
};

async function failures(
  worker: { api(method: string, path: string): Promise<Response> },
  webhook: string,
  atLeast: number,
): Promise<boolean> {
  const answer = await worker.api("GET", `/v1/webhooks/${webhook}`);
  const { health } = (await answer.json()) as { health: { consecutive_failures: number } };
  return health.consecutive_failures >= atLeast;
}

const FAST_USERS = 100;
const MAX_MIB = 250;

const millionWaiting: Scenario = {
  name: "million-waiting",
  what: "1,000,000 events wait for the fast receivers of many users and a slow one",
  holds: `resident memory ≤ ${MAX_MIB} MiB throughout`,
  async run(context) {
    const events = context.long ? 1_000_000 : 150_000;
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const receiver = context.receiver();
    const worker = await context.worker(valkey.url);
    const idleMib = await worker.rssMib();
    for (let i = 0; i < FAST_USERS; i += 1) {
      await worker.register({ user_id: `u_${i}`, url: receiver.url(`/fast/${i}`) });
    }
    await worker.register({ user_id: "slow", url: receiver.url("/slow") });
    let isSlow = true;
    receiver.respond = async (_, path) => {
      if (path === "/slow" && isSlow) await Bun.sleep(300);
      return null;
    };
    const rss = worker.watchRss();
    const isSlowUsers = (n: number) => n % 5 === 0;
    const producer = new Producer(redis, {
      userOf: (n) => (isSlowUsers(n) ? "slow" : `u_${n % FAST_USERS}`),
    });
    await producer.push(events, 1_000);
    const laneKey = await eventually(async () => (await laneOf(redis)) ?? null);
    let mostInLane = 0;
    // The fast ones first: until they have theirs, the slow one's events gather in its lane.
    await eventually(
      async () => {
        mostInLane = Math.max(mostInLane, await redis.llen(laneKey));
        context.progress(`${receiver.distinct} of ${events}, ${Math.round(rss.mostMib())} MiB`);
        return receiver.distinct >= events * 0.8;
      },
      { withinMs: 600_000 },
    );
    isSlow = false;
    await eventually(() => receiver.distinct >= events, { withinMs: 300_000 }).catch(() => {});
    const mostMib = rss.stop();
    const result = counts(producer, receiver);
    return {
      ...result,
      checks: [
        check(
          `resident memory ≤ ${MAX_MIB} MiB`,
          `${Math.round(mostMib)} MiB (idle: ${Math.round(idleMib)})`,
          mostMib <= MAX_MIB,
        ),
        check("max in the slow one's lane", mostInLane, mostInLane >= events / 20),
        check("lost", result.lost, result.lost === 0),
        check("duplicates", result.duplicates, result.duplicates === 0),
      ],
    };
  },
};

async function laneOf(redis: Redis): Promise<string | undefined> {
  const keys = await redis.keys(`{${QUEUE}}:lane:*`);
  const lengths = await Promise.all(keys.map((key) => redis.llen(key)));
  return keys[lengths.indexOf(Math.max(...lengths))];
}

export const backlog: readonly Scenario[] = [atTheMemoryLimit, endpointDown, millionWaiting];
