// Workers that end in good order, and one that is thought dead and comes back: guarantees 1 and 2,
// and the fence around a settle.
import { eventually } from "../support/eventually.ts";
import { check, Producer, QUEUE, type Scenario, type WorkerProcess } from "./harness.ts";
import { settledChecks, startLoad, untilDone } from "./load.ts";

const GRACE_MS = 10_000;

const deploys: Scenario = {
  name: "sigterm-deploys",
  what: "SIGTERM deploys 20 times under load",
  holds: "lost 0, duplicates 0, exit within the grace period",
  async run(context) {
    const count = context.long ? 20 : 4;
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const receiver = context.receiver();
    // Some are under way for long enough to meet the end of their worker.
    receiver.respond = async (n) => {
      await Bun.sleep(n % 10 === 0 ? 400 : 10);
      return null;
    };
    const env = { FLUXHOOK_SHUTDOWN_GRACE: `${GRACE_MS}ms` };
    let worker: WorkerProcess = await context.worker(valkey.url, env);
    await worker.register({ user_id: "u_1", url: receiver.url() });
    const producer = new Producer(redis);
    const load = startLoad(producer, receiver);
    const exits: { ms: number; code: number }[] = [];
    let underWay = 0;
    for (let deploy = 1; deploy <= count; deploy += 1) {
      const target = receiver.distinct + 500;
      await eventually(() => receiver.distinct >= target, { withinMs: 60_000 });
      // In turn: the new one beside the old one first, and the old one away first.
      const next = deploy % 2 === 0 ? null : await context.worker(valkey.url, env);
      await eventually(() => receiver.inFlight > 0);
      underWay += receiver.inFlight;
      exits.push(await worker.terminate());
      worker = next ?? (await context.worker(valkey.url, env));
      context.progress(`deploy ${deploy} of ${count}, ${receiver.distinct} received`);
    }
    await load.stop();
    await untilDone(producer, receiver, redis);
    const result = await settledChecks(producer, receiver, redis);
    const slowest = Math.round(Math.max(...exits.map(({ ms }) => ms)));
    const failed = exits.filter(({ code }) => code !== 0).length;
    result.checks.push(
      check(`slowest exit in ms, ≤ ${GRACE_MS}`, slowest, slowest <= GRACE_MS),
      check("exit codes that are not 0", failed, failed === 0),
      check("requests in flight at a SIGTERM", underWay, underWay > count),
    );
    return result;
  },
};

const FROZEN_MS = 15_000;
const HELD = 40;

const zombie: Scenario = {
  name: "zombie-worker",
  what: "SIGSTOP a worker for 15 s in mid-request, another takes over, then SIGCONT",
  holds: "its late settlements change nothing: lost 0, each settled once, no double schedule",
  async run(context) {
    const rounds = context.long ? 5 : 1;
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const receiver = context.receiver();
    const producer = new Producer(redis);
    const requests = new Map<number, number>();
    /** Events whose first request the frozen worker sent. */
    const held = new Set<number>();
    let gate: Promise<void> | null = null;
    receiver.respond = async (n) => {
      const request = (requests.get(n) ?? 0) + 1;
      requests.set(n, request);
      if (gate) {
        held.add(n);
        await gate;
      }
      // Even ones fail at first, for the frozen worker and for the one that takes over.
      const failures = n % 2 === 1 ? 0 : held.has(n) ? 2 : 1;
      return request <= failures ? new Response(null, { status: 500 }) : null;
    };
    let first = await context.worker(valkey.url);
    await first.register({
      user_id: "u_1",
      url: receiver.url(),
      timeout_ms: 30_000,
      retry_schedule: ["0s", "1s", "1s"],
    });
    let came = 0;
    for (let round = 1; round <= rounds; round += 1) {
      // Successes first, so that the webhook may have so many in flight.
      await producer.push(400);
      await untilDone(producer, receiver, redis);
      const opened = Promise.withResolvers<void>();
      gate = opened.promise;
      await producer.push(HELD);
      await eventually(() => receiver.inFlight === HELD);
      first.signal("SIGSTOP");
      const stoppedAt = performance.now();
      gate = null;
      opened.resolve();
      const second = await context.worker(valkey.url);
      await producer.push(400);
      context.progress(`round ${round} of ${rounds}: frozen`);
      await eventually(async () => (await second.log()).includes("worker.taken_over"), {
        withinMs: 40_000,
      });
      await Bun.sleep(Math.max(0, FROZEN_MS - (performance.now() - stoppedAt)));
      first.signal("SIGCONT");
      // Joined anew: by then it has seen what it was answered.
      await eventually(async () => joins(await first.log()) >= 2, { withinMs: 20_000 });
      came += 1;
      await untilDone(producer, receiver, redis);
      await first.terminate();
      first = second;
    }
    const result = await settledChecks(producer, receiver, redis, { duplicates: rounds * HELD });
    const wrong = [...requests].filter(([n, count]) => count !== expected(n, held)).length;
    const parked = await redis.zcard(`{${QUEUE}}:parked`);
    result.checks.push(
      check("deliveries with a wrong number of attempts", wrong, wrong === 0),
      check("taken over in mid-request", held.size, held.size === rounds * HELD),
      check("times the frozen worker came back", came, came === rounds),
      check("parked", parked, parked === 0),
    );
    return result;
  },
};

/** One for each failure and the success; what was held is sent once more by whoever takes it over. */
function expected(n: number, held: ReadonlySet<number>): number {
  return (n % 2 === 0 ? 2 : 1) + (held.has(n) ? 1 : 0);
}

function joins(log: string): number {
  return log.split('"worker.joined"').length - 1;
}

export const workerEnds: readonly Scenario[] = [deploys, zombie];
