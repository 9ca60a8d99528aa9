// The network between worker and Valkey: resets, silence, and replies that get lost after Valkey has
// done what was asked (guarantees 1, 2 and 10).
import { claimNextScript } from "../../src/valkey/queue/blind-wait.ts";
import { claimScript, settleScript } from "../../src/valkey/queue/queue-store.ts";
import { eventually } from "../support/eventually.ts";
import { check, Producer, type Scenario, type ScenarioContext } from "./harness.ts";
import { leftIn, linesAt, settledChecks, startLoad, untilDone, wentOn } from "./load.ts";
import { ValkeyProxy } from "./proxy.ts";

const ANSWER_MS = 20;

/** A worker behind a proxy; the producer and the checks go around it. */
async function behindProxy(context: ScenarioContext, webhook: Record<string, unknown> = {}) {
  const valkey = await context.valkey();
  const proxy = await ValkeyProxy.start(valkey.port);
  context.atEnd(() => proxy.stop());
  const receiver = context.receiver();
  receiver.respond = async () => {
    await Bun.sleep(ANSWER_MS);
    return null;
  };
  const worker = await context.worker(proxy.url);
  await worker.register({ user_id: "u_1", url: receiver.url(), ...webhook });
  const redis = await context.redis(valkey.url);
  return { proxy, receiver, worker, redis, producer: new Producer(redis) };
}

const resets: Scenario = {
  name: "connection-resets",
  what: "reset all connections to Valkey every 2 s for a minute, and sometimes refuse new ones",
  holds: "lost 0 by the same process",
  async run(context) {
    const faults = context.long ? 30 : 4;
    const { proxy, receiver, worker, redis, producer } = await behindProxy(context);
    const load = startLoad(producer, receiver);
    for (let fault = 1; fault <= faults; fault += 1) {
      const before = receiver.distinct;
      await Bun.sleep(1_500);
      proxy.refuse(fault % 2 === 0);
      proxy.resetAll();
      await Bun.sleep(500);
      proxy.refuse(false);
      await eventually(() => receiver.distinct > before, { withinMs: 20_000 });
      context.progress(`${fault} of ${faults}, ${receiver.distinct} received`);
    }
    await load.stop();
    await untilDone(producer, receiver, redis);
    const result = await settledChecks(producer, receiver, redis);
    result.checks.push(
      check("connections made in total", proxy.connections, proxy.connections > faults),
      ...(await wentOn(worker)),
    );
    return result;
  },
};

const silence: Scenario = {
  name: "silent-connections",
  what: "all connections to Valkey fall silent without being closed, 10 times",
  holds: "the worker notices by itself, lost 0",
  async run(context) {
    const faults = context.long ? 10 : 2;
    const { proxy, receiver, worker, redis, producer } = await behindProxy(context);
    const load = startLoad(producer, receiver);
    for (let fault = 1; fault <= faults; fault += 1) {
      const before = receiver.distinct;
      await eventually(() => receiver.distinct >= before + 500, { withinMs: 30_000 });
      proxy.mute();
      context.progress(`${fault} of ${faults}, ${receiver.distinct} received`);
    }
    const before = receiver.distinct;
    // More than was under way when the last silence fell, so it works on new connections.
    await eventually(() => receiver.distinct >= before + 1_000, { withinMs: 30_000 });
    await load.stop();
    await untilDone(producer, receiver, redis);
    const result = await settledChecks(producer, receiver, redis);
    result.checks.push(...(await wentOn(worker)));
    return result;
  },
};

const FAILING_ATTEMPTS = 3;

const lostReplies: Scenario = {
  name: "lost-replies",
  what: "drop the reply of every 100th claim, settle and reschedule",
  holds: "lost 0, doubled schedules 0, stranded claims 0",
  async run(context) {
    const events = context.long ? 100_000 : 5_000;
    const every = context.long ? 100 : 20;
    const setUp = await behindProxy(context, {
      retry_schedule: Array.from({ length: FAILING_ATTEMPTS }, (_, i) => (i === 0 ? "0s" : "1s")),
    });
    const { proxy, receiver, worker, redis, producer } = setUp;
    // Every third event fails until its last attempt.
    const expected = (n: number) => (n % 3 === 0 ? FAILING_ATTEMPTS : 1);
    const requests = new Map<number, number>();
    receiver.respond = async (n) => {
      const request = (requests.get(n) ?? 0) + 1;
      requests.set(n, request);
      await Bun.sleep(5);
      return request < expected(n) ? new Response(null, { status: 500 }) : null;
    };
    proxy.dropReplies([
      { call: settleScript, withArgument: "retry", every },
      { call: claimScript, every },
      // What is delivered is settled in a transaction.
      { call: "exec", every: 5 },
      { call: claimNextScript, every: 5 },
    ]);
    await producer.push(events);
    await untilDone(producer, receiver, redis, { withinMs: 120_000 });
    const [reschedules = 0, claims = 0, settles = 0, waits = 0] = proxy.dropped;
    const wrong = [...requests].filter(([n, count]) => count !== expected(n)).length;
    const left = await leftIn(redis);
    // An audit would find them and say so.
    const found = linesAt(["error"], await worker.log());
    const stranded = left.claims + found.filter((event) => event === "claims.stranded").length;
    const result = await settledChecks(producer, receiver, redis);
    result.checks.push(
      check(
        "replies lost: claims, settles, reschedules, claims behind a wait",
        `${claims}, ${settles}, ${reschedules}, ${waits}`,
        Math.min(claims, settles, reschedules) > 0,
      ),
      check("deliveries with a wrong number of attempts", wrong, wrong === 0),
      check("stranded claims", stranded, stranded === 0),
      ...(await wentOn(worker)),
    );
    return result;
  },
};

export const connectionFaults: readonly Scenario[] = [resets, silence, lostReplies];
