// Valkey is killed, frozen, made read-only, its scripts forgotten: the worker goes on by itself
// (guarantee 10), and what was acknowledged is delivered (guarantee 1).
import { eventually } from "../support/eventually.ts";
import {
  check,
  Producer,
  type Scenario,
  type ScenarioContext,
  timed,
  type WorkerProcess,
} from "./harness.ts";
import { ImpatientClient, linesAt, settledChecks, startLoad, untilDone, wentOn } from "./load.ts";

const ANSWER_MS = 20;

/** One worker under load whose producer counts only what was acknowledged. */
async function underLoad(context: ScenarioContext) {
  const valkey = await context.valkey();
  const receiver = context.receiver();
  receiver.respond = async () => {
    await Bun.sleep(ANSWER_MS);
    return null;
  };
  const worker = await context.worker(valkey.url);
  await worker.register({ user_id: "u_1", url: receiver.url() });
  const client = new ImpatientClient(valkey.url);
  context.atEnd(() => client.close());
  const producer = new Producer(client);
  const redis = await context.redis(valkey.url);
  const load = startLoad(producer, receiver);
  const received = (more: number) => {
    const target = receiver.distinct + more;
    return eventually(() => receiver.distinct >= target, { withinMs: 60_000 });
  };
  const result = async () => {
    await load.stop();
    await untilDone(producer, receiver, redis);
    const settled = await settledChecks(producer, receiver, redis);
    settled.checks.push(...(await wentOn(worker)));
    return settled;
  };
  return { valkey, receiver, worker, producer, redis, received, result };
}

/** More than was under way before: these can only have been claimed afterwards. */
const ENOUGH = 1_000;

const sigkill: Scenario = {
  name: "sigkill-valkey",
  what: "SIGKILL Valkey (append-only) 20 times under load",
  holds: "acknowledged events lost 0; no restart of the worker",
  async run(context) {
    const kills = context.long ? 20 : 3;
    const { valkey, receiver, producer, received, result } = await underLoad(context);
    for (let kill = 1; kill <= kills; kill += 1) {
      await received(ENOUGH);
      valkey.signal("SIGKILL");
      await valkey.exited;
      await valkey.restart();
      context.progress(`kill ${kill} of ${kills}, ${receiver.distinct} received`);
    }
    await received(ENOUGH);
    const settled = await result();
    const { refused } = producer;
    settled.checks.push(check("pushes that were not acknowledged", refused, refused >= kills));
    return settled;
  },
};

const MAX_ANSWER_MS = 1_000;
const MAX_GROWTH_MIB = 16;

const freeze: Scenario = {
  name: "freeze-valkey",
  what: "freeze Valkey for 30 s (SIGSTOP) under load",
  holds: "lost 0, the worker goes on by itself, and meanwhile the API answers 503 within a second",
  async run(context) {
    // Long enough for the collector, whose timer runs every 5 s, to come in each half.
    const frozenMs = context.long ? 30_000 : 20_000;
    const { valkey, worker, received, result } = await underLoad(context);
    await received(ENOUGH);
    valkey.signal("SIGSTOP");
    const asked = await askThroughout(worker, frozenMs, context);
    valkey.signal("SIGCONT");
    await received(ENOUGH);
    const settled = await result();
    const half = asked.rssMib.length / 2;
    const growth = Math.round(
      Math.max(...asked.rssMib.slice(half)) - Math.max(...asked.rssMib.slice(0, half)),
    );
    settled.checks.push(
      check("API answers, all 503", asked.answers, asked.answers > 10 && asked.others === 0),
      timed(
        context,
        check(
          `slowest of them in ms, ≤ ${MAX_ANSWER_MS}`,
          Math.round(asked.slowestMs),
          asked.slowestMs <= MAX_ANSWER_MS,
        ),
      ),
      check(`RSS growth in MiB, ≤ ${MAX_GROWTH_MIB}`, growth, growth <= MAX_GROWTH_MIB),
    );
    return settled;
  },
};

/**
 * Pushes over the API all the time: a client that queued them would grow by megabytes in the second
 * half of the answers. In the first one the process warms up, and finds out that Valkey is away.
 */
async function askThroughout(worker: WorkerProcess, forMs: number, context: ScenarioContext) {
  const events = Array.from({ length: 500 }, () => ({
    user_id: "nobody",
    event: "file.created",
    data: { padding: "x".repeat(1_000) },
  }));
  const found = { answers: 0, others: 0, slowestMs: 0, rssMib: [] as number[] };
  const endAt = performance.now() + forMs;
  while (performance.now() < endAt) {
    const askedAt = performance.now();
    const answer = await worker.api("POST", "/v1/events", events);
    await answer.body?.cancel();
    found.slowestMs = Math.max(found.slowestMs, performance.now() - askedAt);
    found.answers += 1;
    if (answer.status !== 503) found.others += 1;
    found.rssMib.push(await worker.rssMib());
    context.progress(`frozen, ${found.answers} requests answered`);
    await Bun.sleep(50);
  }
  return found;
}

const scriptFlush: Scenario = {
  name: "script-flush",
  what: "SCRIPT FLUSH every second under load",
  holds: "no error surfaces, lost 0",
  async run(context) {
    const [flushes, everyMs] = context.long ? [60, 1_000] : [25, 200];
    const { redis, worker, receiver, received, result } = await underLoad(context);
    await received(1);
    for (let flush = 1; flush <= flushes; flush += 1) {
      await redis.script("FLUSH");
      await Bun.sleep(everyMs);
      context.progress(`flush ${flush} of ${flushes}, ${receiver.distinct} received`);
    }
    await received(ENOUGH);
    const settled = await result();
    const warnings = linesAt(["warn"], await worker.log());
    settled.checks.push(
      check("warnings in its log", warnings.join(", ") || 0, warnings.length === 0),
    );
    return settled;
  },
};

const DEAD_ADDRESS = ["127.0.0.1", "1"] as const;

const readOnly: Scenario = {
  name: "read-only-valkey",
  what: "make Valkey a read-only replica under load, then the primary again",
  holds: "the worker goes on by itself, lost 0",
  async run(context) {
    const rounds = context.long ? 5 : 1;
    const readOnlyMs = context.long ? 10_000 : 3_000;
    const { redis, receiver, producer, received, result } = await underLoad(context);
    for (let round = 1; round <= rounds; round += 1) {
      await received(ENOUGH);
      await redis.replicaof(...DEAD_ADDRESS);
      const refused = producer.refused;
      await Bun.sleep(readOnlyMs);
      if (producer.refused === refused) throw new Error("Valkey went on taking writes");
      await redis.replicaof("NO", "ONE");
      context.progress(`round ${round} of ${rounds}, ${receiver.distinct} received`);
    }
    await received(ENOUGH);
    return result();
  },
};

export const valkeyOutages: readonly Scenario[] = [sigkill, freeze, readOnly, scriptFlush];
