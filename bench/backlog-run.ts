// One run over a backlog: events wait, a contender starts, and the steady state is measured from the
// end of the warm-up to the last arrival.
import { eventually } from "../test/support/eventually.ts";
import type { Bench, Values } from "./bench.ts";
import type { Contender } from "./contenders/contender.ts";
import { cpuSeconds, rssMb, wallMs } from "./measure.ts";
import type { TlsFiles } from "./receiver.ts";
import { openStage, type Stage } from "./stage.ts";
import type { Workload } from "./workload.ts";

/**
 * Before it is measured, for every contender: by then what runs often is compiled, and what compiles it
 * no longer shares the core. How long it takes, the start included, is in the table too.
 */
export const WARM_UP_EVENTS = 50_000;

export interface BacklogRun {
  contender: Contender;
  /** Given where the receiver is. */
  workload(base: string): Workload;
  /** Measured, after those of the warm-up. */
  events: number;
  warmUpEvents: number;
  /** More than is measured: they only wait. */
  extraEvents?: number;
  /** No more than so many wait at a time; the rest is pushed as they leave. */
  mostWaiting?: number;
  workers?: number;
  tls?: TlsFiles;
  /** Of Fluxhook's processes, besides. */
  env?: Readonly<Record<string, string>>;
  /** Goes on beside it, from its start to its end. */
  beside?: (urls: readonly string[]) => Promise<AsyncDisposable>;
}

const TENTHS = 10;
/** In which what was sent twice would come. */
const AFTERWARDS_MS = 300;
const TOP_UP = 1_000;
const COMPACTED_WITHIN_MS = 120_000;

export async function runBacklog(bench: Bench, run: BacklogRun): Promise<Values> {
  const { contender, events, warmUpEvents, extraEvents = 0 } = run;
  await using stage = await openStage(bench.pins, { tls: run.tls });
  const { receiver } = stage;
  const workload = run.workload(receiver.base);
  const prepared = await contender.prepare(stage, workload, { workers: run.workers, env: run.env });
  const perEvent = workload.perOwner;
  const all = events + warmUpEvents;
  const first = Math.min(all + extraEvents, run.mostWaiting ?? Number.POSITIVE_INFINITY);
  bench.progress(`${contender.label}: ${first} events are pushed`);
  await prepared.push(first);
  await settled(stage);

  const total = all * perEvent;
  const marks = marksOf(run, perEvent);
  receiver.expect(marks);
  bench.progress(`${contender.label}: delivers`);
  const startedAtMs = wallMs();
  const { pids, urls = [] } = await prepared.start();
  await using beside = new AsyncDisposableStack();
  if (run.beside) beside.use(await run.beside(urls));
  const usage = async () => ({
    contender: await cpuSeconds(...pids),
    valkey: await cpuSeconds(stage.valkey.pid),
    receiver: await cpuSeconds(receiver.pid),
  });
  let pushed = first;
  let beganAtMs = 0;
  let before = { contender: 0, valkey: 0, receiver: 0 };
  let endedAtMs = 0;
  for (const mark of marks) {
    endedAtMs = await receiver.mark(mark);
    if (mark === warmUpEvents * perEvent) {
      beganAtMs = endedAtMs;
      before = await usage();
    }
    if (pushed < all) {
      const more = Math.min(TOP_UP, all - pushed);
      await prepared.push(more);
      pushed += more;
    }
    if (mark % Math.ceil(total / TENTHS) === 0) {
      bench.progress(`${contender.label}: ${Math.round((100 * mark) / total)} %`);
    }
  }
  const after = await usage();
  const peaks = await Promise.all(pids.map((pid) => rssMb(pid, "peak")));
  await Bun.sleep(AFTERWARDS_MS);
  const { requests } = await receiver.read();

  const deliveries = events * perEvent;
  const seconds = (endedAtMs - beganAtMs) / 1_000;
  const each = (part: keyof typeof after) => ((after[part] - before[part]) * 1e6) / deliveries;
  return {
    per_second: deliveries / seconds,
    per_core_second: 1e6 / each("contender"),
    cpu_us: each("contender"),
    valkey_cpu_us: each("valkey"),
    receiver_cpu_us: each("receiver"),
    // On two cores they share one: near 100 it is they who set the rate.
    others_busy_percent: ((each("valkey") + each("receiver")) * deliveries) / seconds / 1e4,
    warm_up_seconds: (beganAtMs - startedAtMs) / 1_000,
    rss_peak_mb: Math.max(...peaks),
    // With more waiting, they go on arriving.
    more_than_once: extraEvents > 0 ? undefined : requests - total,
  };
}

/** What waits has been there for long: Valkey is not still compacting the log of its pushes. */
async function settled({ redis }: Stage): Promise<void> {
  const isQuiet = async () =>
    /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/.test(await redis.info("persistence"));
  await eventually(isQuiet, { withinMs: COMPACTED_WITHIN_MS });
}

/** The warm-up's end, tenths for the progress, and each top-up. */
function marksOf({ events, warmUpEvents, mostWaiting }: BacklogRun, perEvent: number): number[] {
  const total = (events + warmUpEvents) * perEvent;
  const marks = new Set([warmUpEvents * perEvent, total]);
  const step = mostWaiting === undefined ? Math.ceil(total / TENTHS) : TOP_UP * perEvent;
  for (let mark = step; mark < total; mark += step) marks.add(mark);
  return [...marks].toSorted((a, b) => a - b);
}
