// Workers that are killed or told to stop: guarantees 1 and 2.
import { eventually } from "../support/eventually.ts";
import { check, counts, Producer, QUEUE, type Scenario, type WorkerProcess } from "./harness.ts";
import { settledChecks, untilDone } from "./load.ts";

const CONCURRENCY = 256;

const sigkill: Scenario = {
  name: "sigkill-worker",
  what: "SIGKILL the worker 50 times during 100,000 events",
  holds: "lost 0; duplicates ≤ kills × CONCURRENCY; the same id on each",
  async run(context) {
    const events = context.long ? 100_000 : 20_000;
    const kills = context.long ? 50 : 8;
    const valkey = await context.valkey();
    const receiver = context.receiver();
    // Slow enough that every kill meets requests in flight.
    receiver.respond = async () => {
      await Bun.sleep(5);
      return null;
    };
    const env = { FLUXHOOK_CONCURRENCY: String(CONCURRENCY) };
    let worker: WorkerProcess = await context.worker(valkey.url, env);
    await worker.register({ user_id: "u_1", url: receiver.url() });
    const redis = await context.redis(valkey.url);
    const producer = new Producer(redis);
    await producer.push(events);
    for (let kill = 1; kill <= kills; kill += 1) {
      const target = Math.min(events, (events / (kills + 1)) * kill);
      await eventually(() => receiver.distinct >= target, { withinMs: 60_000 });
      await worker.kill();
      worker = await context.worker(valkey.url, env);
      context.progress(`kill ${kill} of ${kills}, ${receiver.distinct} of ${events} received`);
    }
    await untilDone(producer, receiver, redis, { withinMs: 120_000 });
    return settledChecks(producer, receiver, redis, { duplicates: kills * CONCURRENCY });
  },
};

const WORKERS = 3;

const dueAtOnce: Scenario = {
  name: "due-at-once",
  what: "three workers, one killed every 5 s, 100,000 scheduled retries due at once",
  holds: "each retry claimed once, duplicates only by kills; lost 0",
  async run(context) {
    const events = context.long ? 100_000 : 9_000;
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const receiver = context.receiver();
    const env = { FLUXHOOK_CONCURRENCY: String(CONCURRENCY) };
    const workers = await Promise.all(
      Array.from({ length: WORKERS }, () => context.worker(valkey.url, env)),
    );
    await workers[0]?.register({
      user_id: "u_1",
      url: receiver.url(),
      retry_schedule: ["0s", "1h", "1h"],
    });
    let isDue = false;
    receiver.respond = async () => {
      if (!isDue) return new Response(null, { status: 500 });
      await Bun.sleep(10);
      return null;
    };
    const producer = new Producer(redis);
    await producer.push(events);
    const schedule = `{${QUEUE}}:schedule`;
    await eventually(async () => (await redis.zcard(schedule)) >= events, { withinMs: 120_000 });
    const firstRequests = receiver.requests;
    isDue = true;
    // An hour passes: no jitter is left between them.
    await redis.eval(DUE_NOW, 1, schedule);
    let kills = 0;
    const kill = async () => {
      const index = kills % WORKERS;
      await workers[index]?.kill();
      workers[index] = await context.worker(valkey.url, env);
      kills += 1;
      context.progress(`kill ${kills}, ${receiver.distinct} of ${events} received`);
    };
    if (context.long) {
      for (let next = 5_000; receiver.distinct < events * 0.9; next += 5_000) {
        const target = receiver.distinct + 1;
        await Bun.sleep(5_000);
        await eventually(() => receiver.distinct >= target, { withinMs: 30_000 });
        await kill();
      }
    } else {
      for (const part of [0.2, 0.5]) {
        await eventually(() => receiver.distinct >= events * part, { withinMs: 60_000 });
        await kill();
      }
    }
    await untilDone(producer, receiver, redis, { withinMs: 120_000 });
    const result = await settledChecks(producer, receiver, redis, {
      duplicates: kills * CONCURRENCY,
    });
    result.checks.push(
      check("first attempts, one each", firstRequests, firstRequests === events),
      check("kills", kills, kills >= 2),
    );
    return result;
  },
};

const DUE_NOW = `
for _, delivery in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  redis.call('ZADD', KEYS[1], 1, delivery)
end`;

const FEW = 8;

const blpop: Scenario = {
  name: "control-blpop",
  what: "SIGKILL workers that take events with plain BLPOP (FLUXHOOK_CLAIM=blpop)",
  holds: "sends nothing twice and loses events: the control shows that this campaign sees a loss",
  mustFail: true,
  async run(context) {
    const events = context.long ? 20_000 : 4_000;
    const kills = context.long ? 20 : 4;
    const valkey = await context.valkey();
    const receiver = context.receiver();
    receiver.respond = async () => {
      await Bun.sleep(5);
      return null;
    };
    // So few that none has to wait in a lane, where Valkey would have it again.
    const env = { FLUXHOOK_CLAIM: "blpop", FLUXHOOK_CONCURRENCY: String(FEW) };
    const redis = await context.redis(valkey.url);
    const producer = new Producer(redis, { push: "RPUSH" });
    let worker: WorkerProcess = await context.worker(valkey.url, env);
    await worker.register({ user_id: "u_1", url: receiver.url() });
    await worker.terminate();
    await producer.push(events);
    for (let kill = 1; kill <= kills; kill += 1) {
      // In the middle of a batch: what is on its way to the receiver by then is not lost.
      const passes = Math.floor(events / (kills + 1));
      worker = await context.worker(valkey.url, {
        ...env,
        FLUXHOOK_TEST_FAULT: `claimed:${passes}`,
      });
      await worker.exited;
    }
    worker = await context.worker(valkey.url, env);
    await eventually(async () => (await redis.llen(QUEUE)) === 0, { withinMs: 60_000 });
    // It finishes what only its memory holds.
    await worker.terminate();
    const result = counts(producer, receiver);
    // Of the control itself: it has to fail by losing, not in any other way.
    if (result.duplicates > 0) throw new Error(`${result.duplicates} duplicates with blpop`);
    return { ...result, checks: [check("lost", result.lost, result.lost === 0)] };
  },
};

export const workerKills: readonly Scenario[] = [sigkill, dueAtOnce, blpop];
