// Workers that are killed or told to stop: guarantees 1 and 2.
import { eventually } from "../support/eventually.ts";
import { check, counts, Producer, type Scenario, type WorkerProcess } from "./harness.ts";

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
    const producer = new Producer(await context.redis(valkey.url));
    await producer.push(events);
    for (let kill = 1; kill <= kills; kill += 1) {
      const target = Math.min(events, (events / (kills + 1)) * kill);
      await eventually(() => receiver.distinct >= target, { withinMs: 60_000 });
      await worker.kill();
      worker = await context.worker(valkey.url, env);
      context.progress(`kill ${kill} of ${kills}, ${receiver.distinct} of ${events} received`);
    }
    await eventually(() => receiver.distinct >= events, { withinMs: 120_000 }).catch(() => {});
    const result = counts(producer, receiver);
    return {
      ...result,
      checks: [
        check("lost", result.lost, result.lost === 0),
        check(
          `duplicates ≤ ${kills} × ${CONCURRENCY}`,
          result.duplicates,
          result.duplicates <= kills * CONCURRENCY,
        ),
        check("events whose id changed", receiver.changedIds.size, receiver.changedIds.size === 0),
      ],
    };
  },
};

export const workerKills: readonly Scenario[] = [sigkill];
