// One run at a steady rate: what each delivery costs a worker that is warm, and Valkey; at a rate of 0
// what a worker costs that has nothing to do. CPU is measured first, then a census counts the scripts.
import type { Bench, Values } from "./bench.ts";
import { census } from "./census.ts";
import type { Contender } from "./contenders/contender.ts";
import { rssMb, wallMs } from "./measure.ts";
import { openStage, type Stage } from "./stage.ts";
import { commandsSince, processUsage, requestsDuring, serverUsage, usedSince } from "./usage.ts";
import { oneWebhookEach } from "./workload.ts";

export interface SteadyRun {
  contender: Contender;
  perSecond: number;
  owners: number;
  /** Processes; 1 where left out. */
  replicas?: number;
  /** Whether to count which scripts change nothing. */
  countsScripts: boolean;
}

const DATA_BYTES = 110;
/**
 * A worker runs for days: its code is compiled long before a slow rate would have got it there. After 5,000
 * deliveries the compiler still took a quarter of the process's time at 100/s, after 20,000 next to none.
 */
export const WARM_UP_PER_SECOND = 2_000;
/** After the last push; what has not arrived by then is missing. */
const LATE_MS = 10_000;

/** In seconds. Fluxhook writes what it owes to a webhook's health up to a second later: it settles. */
export const durations = ({ quick }: Pick<Bench, "quick">) =>
  quick
    ? { warmUp: 3, settle: 2, measured: 3, census: 2 }
    : { warmUp: 10, settle: 3, measured: 10, census: 5 };

export async function runSteady(bench: Bench, run: SteadyRun): Promise<Values> {
  const { contender, perSecond, owners, replicas = 1 } = run;
  const seconds = durations(bench);
  await using stage = await openStage(bench.pins, { mode: "latency" });
  const workload = oneWebhookEach(stage.receiver.base, owners, DATA_BYTES);
  const prepared = await contender.prepare(stage, workload, { workers: replicas });
  const harness = await serverUsage(stage.redis);
  const { pids, offer } = await prepared.start();
  if (perSecond === 0) return await measureIdle(bench, stage, pids);

  await offer({ perSecond: WARM_UP_PER_SECOND, seconds: seconds.warmUp });
  await offer({ perSecond, seconds: seconds.settle });
  const expected = perSecond * seconds.measured;
  stage.receiver.expect([expected], wallMs());
  // The receiver counts from now on, before the first event comes.
  await stage.receiver.read();
  const before = await usage(stage, pids);
  const lateMs = await offer({ perSecond, seconds: seconds.measured });
  // What arrives too late is a figure too: it is missing.
  await stage.receiver.mark(expected, LATE_MS).catch(() => null);
  const after = await usage(stage, pids);
  const { requests, p50Ms, p99Ms, p999Ms } = await stage.receiver.read();
  const rss = await Promise.all(pids.map((pid) => rssMb(pid, "now")));
  const deliveries = Math.max(1, requests);
  const worker = usedSince(before.worker, after.worker);
  const values: Values = {
    cpu_us: (worker.cpuSeconds * 1e6) / deliveries,
    p50_ms: p50Ms,
    p99_ms: p99Ms,
    p999_ms: p999Ms,
    late_ms: lateMs,
    wake_ups: worker.wakeUps / deliveries,
    rss_mb: Math.max(...rss),
    missing: Math.max(0, expected - requests),
  };
  // The bare loop has nothing to do with Valkey.
  if (contender.name === "bare") return values;
  return {
    ...values,
    valkey_cpu_us: (usedSince(before.valkey, after.valkey).cpuSeconds * 1e6) / deliveries,
    commands: commandsSince(before.server, after.server, harness) / deliveries,
    scripts: (after.server.scripts - before.server.scripts) / deliveries,
    empty_scripts: run.countsScripts
      ? await emptyScripts(stage, perSecond, () => offer({ perSecond, seconds: seconds.census }))
      : undefined,
  };
}

async function measureIdle(bench: Bench, stage: Stage, pids: readonly number[]): Promise<Values> {
  const { settle, measured } = durations(bench);
  await Bun.sleep(settle * 1_000);
  const before = await usage(stage, pids);
  const beganAt = performance.now();
  await Bun.sleep(measured * 1_000);
  const after = await usage(stage, pids);
  const seconds = (performance.now() - beganAt) / 1_000;
  const rss = await Promise.all(pids.map((pid) => rssMb(pid, "now")));
  const worker = usedSince(before.worker, after.worker);
  return {
    idle_cpu_percent: (worker.cpuSeconds * 100) / seconds,
    valkey_idle_percent: (usedSince(before.valkey, after.valkey).cpuSeconds * 100) / seconds,
    requests_per_second:
      (await requestsDuring(stage.redis, () => Bun.sleep(measured * 1_000))) / measured,
    wake_ups_per_second: worker.wakeUps / seconds,
    rss_mb: Math.max(...rss),
  };
}

async function usage(stage: Stage, pids: readonly number[]) {
  const [worker, valkey, server] = await Promise.all([
    processUsage(...pids),
    processUsage(stage.valkey.pid),
    serverUsage(stage.redis),
  ]);
  return { worker, valkey, server };
}

async function emptyScripts(
  stage: Stage,
  perSecond: number,
  offered: () => Promise<unknown>,
): Promise<number> {
  stage.receiver.expect([], wallMs());
  await stage.receiver.read();
  const scripts = await census(stage.redis, offered);
  const { requests } = await stage.receiver.read();
  const empty = scripts.reduce((sum, script) => sum + script.empty, 0);
  return empty / Math.max(1, requests || perSecond);
}
