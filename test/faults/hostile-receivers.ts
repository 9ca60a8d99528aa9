// Each hostile receiver costs at most its deadline and a fixed amount of memory, and gives its slots
// back; the healthy ones beside them do not notice.
import { join } from "node:path";
import { runOnProcessDeath } from "../../src/local-valkey/on-process-death.ts";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import { eventually } from "../support/eventually.ts";
import type { HostileKind } from "../support/hostile-receiver.ts";
import {
  check,
  Producer,
  type Scenario,
  type ScenarioContext,
  timed,
  type WorkerProcess,
} from "./harness.ts";
import { LatencyReceiver, ms, quantile, registerAll, Traffic } from "./isolation.ts";
import { leftIn, linesAt } from "./load.ts";

const HEALTHY = 20;
const MAX_GROWTH_MIB = 100;
/** `FLUXHOOK_CONCURRENCY`, as shipped. */
const ALL_SLOTS = 1_024;
const ON_TIME_MS = 1_000;
/** Events per second to each hostile receiver: more than those that hold their slots can take. */
const RATE_EACH = 3;

export const hostileReceivers: Scenario = {
  name: "hostile-receivers",
  what: "200 receivers of every hostile kind beside 20 healthy ones, for a minute",
  holds: "memory within 100 MiB of the start, the healthy on time, all slots free at the end",
  async run(context) {
    const hostile = context.long ? 200 : 60;
    const phaseMs = context.long ? 60_000 : 6_000;
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const healthy = await LatencyReceiver.start(context);
    const fleet = await startFleet(context, hostile);
    const worker = await context.worker(valkey.url);
    await registerAll(worker, HEALTHY, (n) => `w_${n}`, `${healthy.url}/`);
    const traffic = new Traffic(redis, HEALTHY, hostile);
    const rate = hostile * RATE_EACH;

    // The start is the same load, with all of them well: the heap grows with the rate alone.
    const well = await registerEach(worker, hostile, () => ({ url: `${healthy.url}/` }));
    const before = worker.watchRss();
    await traffic.run("warm-up", context.long ? 20_000 : 3_000, rate);
    const startMib = before.stop();
    for (const id of well) await worker.api("DELETE", `/v1/webhooks/${id}`);

    context.progress("with the hostile receivers");
    const webhooks = await registerEach(worker, hostile, (n) => ({
      url: fleet[n]?.url,
      // One attempt each: what is left at the end is then left by a slot that is not free.
      retry_schedule: ["0s"],
      ...(context.long ? {} : { timeout_ms: 2_000 }),
    }));
    const rss = worker.watchRss();
    await traffic.run("with", phaseMs, rate);
    const latencies = await healthy.arrived("with", traffic.pushed("with"));
    const growthMib = rss.stop() - startMib;
    const logs = await logsOf(fleet.length, (owner) =>
      redis.lrange(`fluxhook:logs:${owner}`, 0, 9),
    );

    context.progress("the hostile receivers turn good");
    const good = context.receiver();
    for (const id of webhooks) await worker.api("PATCH", `/v1/webhooks/${id}`, { url: good.url() });
    const probes = new Producer(redis, { userOf: (n) => `h_${n % hostile}` });
    // Enough successes for each that all of them together may have every slot.
    await probes.push(hostile * Math.ceil(ALL_SLOTS / hostile) * 2);
    // Where a slot is never given back its webhook's deliveries stay: the check says how many.
    const idle = () =>
      eventually(async () => (await leftIn(redis)).total === 0, { withinMs: 30_000 }).catch(
        () => {},
      );
    await idle();
    const held = Promise.withResolvers<null>();
    good.respond = () => held.promise;
    await probes.push(ALL_SLOTS * 3);
    // That they are fewer is what the check says, with its number.
    await eventually(() => good.inFlight >= ALL_SLOTS, { withinMs: 8_000 }).catch(() => {});
    const mostInFlight = good.inFlight;
    held.resolve(null);
    await idle();
    const left = (await leftIn(redis)).total;

    const sent = traffic.pushed("with");
    const unnamed = logs.filter(({ outcome, reason }) => outcome !== "delivered" && !reason);
    const reasons = new Set(logs.flatMap(({ reason }) => reason ?? []));
    const silent = logs.filter(
      ({ user, webhook_id }) => fleet[user]?.kind === "silent" && webhooks.includes(webhook_id),
    );
    const errors = linesAt(["error"], await worker.log());
    const worstMs = quantile(latencies, 1);
    return {
      sent,
      received: latencies.length,
      lost: Math.max(0, sent - latencies.length),
      duplicates: Math.max(0, latencies.length - sent),
      checks: [
        check("lost by the healthy", sent - latencies.length, sent === latencies.length),
        timed(
          context,
          check(
            "each delivery to the healthy within a second",
            `${ms(worstMs)} at most (p99 ${ms(quantile(latencies, 0.99))}, p50 ${ms(quantile(latencies, 0.5))})`,
            worstMs < ON_TIME_MS,
          ),
        ),
        check(
          "p99 of the healthy below a second",
          ms(quantile(latencies, 0.99)),
          quantile(latencies, 0.99) < ON_TIME_MS,
        ),
        check(
          `resident memory within ${MAX_GROWTH_MIB} MiB of the start`,
          `${Math.round(startMib)} + ${Math.round(growthMib)} MiB`,
          growthMib <= MAX_GROWTH_MIB,
        ),
        check("free slots at the end, of 1,024", mostInFlight, mostInFlight >= ALL_SLOTS),
        check("deliveries left that got no slot", left, left === 0),
        check(
          "failures in the logs without a reason",
          `${unnamed.length} (${[...reasons].toSorted().join(" ")})`,
          unnamed.length === 0,
        ),
        check(
          "a silent one is logged as timeout, and as nothing else",
          silent.length,
          silent.length > 0 && silent.every(({ reason }) => reason === "timeout"),
        ),
        check("errors in the log", errors.join(", ") || 0, errors.length === 0),
      ],
    };
  },
};

/** One webhook for each user of the hostile kind; answers their ids. */
async function registerEach(
  worker: WorkerProcess,
  users: number,
  webhook: (n: number) => Record<string, unknown>,
): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < users; n += 1) {
    ids.push(await worker.register({ user_id: `h_${n}`, ...webhook(n) }));
  }
  return ids;
}

async function startFleet(
  context: ScenarioContext,
  count: number,
): Promise<{ kind: HostileKind; url: string }[]> {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "hostile-fleet.ts"), String(count)],
    { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
  );
  runOnProcessDeath('kill -9 "$1" 2>/dev/null', String(child.pid));
  context.atEnd(() => child.kill("SIGKILL"));
  let line = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    line += decoder.decode(chunk, { stream: true });
    if (line.endsWith("\n")) break;
  }
  return JSON.parse(line) as { kind: HostileKind; url: string }[];
}

async function logsOf(
  users: number,
  read: (owner: string) => Promise<string[]>,
): Promise<(LogEntry & { user: number })[]> {
  const logs = await Promise.all(Array.from({ length: users }, (_, n) => read(`h_${n}`)));
  return logs.flatMap((texts, user) =>
    texts.map((text) => ({ ...(JSON.parse(text) as LogEntry), user })),
  );
}
