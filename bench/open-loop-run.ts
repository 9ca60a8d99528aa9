// One run of an open loop: events are offered at a fixed rate, and each carries the moment of its
// push. First comes a warm-up at the same rate.
import type { Bench, Values } from "./bench.ts";
import type { Contender } from "./contenders/contender.ts";
import { cpuSeconds, rssMb, wallMs } from "./measure.ts";
import { Receiver, type ReceiverMode } from "./receiver.ts";
import { openStage } from "./stage.ts";
import type { Workload } from "./workload.ts";

export interface OpenLoopRun {
  contender: Contender;
  perSecond: number;
  seconds: number;
  warmUpSeconds: number;
  /** `other` is a second receiver's address, where there is one. */
  workload(base: string, other: string): Workload;
  /** The second receiver's; what arrives there is not measured. */
  otherMode?: ReceiverMode;
  /** Share of the events that the measured receiver gets. */
  share?: number;
}

/** After the last push; what has not arrived by then is missing. */
const LATE_MS = 30_000;

export async function runOpenLoop(bench: Bench, run: OpenLoopRun): Promise<Values> {
  const { contender, perSecond, seconds, share = 1 } = run;
  await using stage = await openStage(bench.pins, { mode: "latency" });
  const { receiver } = stage;
  const other = run.otherMode && stage.use(await Receiver.start(run.otherMode, bench.pins));
  const workload = run.workload(receiver.base, other?.base ?? "");
  const prepared = await contender.prepare(stage, workload);
  const { pids, offer } = await prepared.start();
  bench.progress(`${contender.label}: warms up at ${perSecond} per second`);
  await offer({ perSecond, seconds: run.warmUpSeconds });

  const expected = Math.round(perSecond * seconds * share);
  receiver.expect([expected], wallMs());
  // It has heard that before the first event comes.
  await receiver.read();
  const before = await cpuSeconds(...pids);
  bench.progress(`${contender.label}: ${perSecond} per second for ${seconds} s`);
  const lateMs = await offer({ perSecond, seconds });
  // Too late is a figure too: how many are missing.
  await receiver.mark(expected, LATE_MS).catch(() => null);
  const cpu = (await cpuSeconds(...pids)) - before;
  const rss = await Promise.all(pids.map((pid) => rssMb(pid, "peak")));
  const { requests, p50Ms, p99Ms, p999Ms } = await receiver.read();
  return {
    p50_ms: p50Ms,
    p99_ms: p99Ms,
    p999_ms: p999Ms,
    late_ms: lateMs,
    cpu_us: (cpu * 1e6) / (perSecond * seconds),
    rss_peak_mb: Math.max(...rss),
    missing: Math.max(0, expected - requests),
  };
}
