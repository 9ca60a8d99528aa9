// What a contender has used by now, read without asking the contender: processor time and wake-ups
// from /proc, commands and scripts from Valkey's own counters.
import { dlopen, FFIType } from "bun:ffi";
import { readdir, readFile } from "node:fs/promises";
import type { Redis } from "iovalkey";

export interface ProcessUsage {
  /** Of all threads, those that have ended too. */
  cpuSeconds: number;
  /** Voluntary context switches by process and thread: each is the end of a wait. */
  switches: ReadonlyMap<string, number>;
}

export async function processUsage(...pids: readonly number[]): Promise<ProcessUsage> {
  const switches = new Map<string, number>();
  let seconds = 0;
  for (const pid of pids) {
    for (const thread of await readdir(`/proc/${pid}/task`)) {
      // A thread may end between the two calls.
      const status = await readFile(`/proc/${pid}/task/${thread}/status`, "utf8").catch(() => "");
      const count = Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
      switches.set(`${pid}/${thread}`, count);
    }
    seconds += clockOf(pid);
  }
  return { cpuSeconds: seconds, switches };
}

/** Processor time and wake-ups between two readings, without the wake-ups of threads that have ended since. */
export function usedSince(
  before: ProcessUsage,
  after: ProcessUsage,
): { cpuSeconds: number; wakeUps: number } {
  let wakeUps = 0;
  for (const [id, count] of after.switches) wakeUps += count - (before.switches.get(id) ?? 0);
  return { cpuSeconds: after.cpuSeconds - before.cpuSeconds, wakeUps };
}

const openLibc = () =>
  dlopen("libc.so.6", {
    clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  });
let libc: ReturnType<typeof openLibc> | null = null;

/** `CPUCLOCK_SCHED`, as clock_getcpuclockid(3) returns it. */
const clockIdOf = (pid: number) => (~pid << 3) | 2;

/**
 * The process's own clock, to the nanosecond. The compiler's threads end when they have nothing to do, and the sum
 * over the threads that are left would lose their time; /proc/<pid>/stat has it in steps of 10 ms, too coarse at 10
 * events a second.
 */
function clockOf(pid: number): number {
  const time = new BigInt64Array(2);
  libc ??= openLibc();
  if (libc.symbols.clock_gettime(clockIdOf(pid), time) !== 0) {
    throw new Error(`the processor time of ${pid} cannot be read`);
  }
  return Number(time[0]) + Number(time[1]) / 1e9;
}

export interface ServerUsage {
  /** Commands of each client, by its id; those inside of its scripts count too. */
  commands: ReadonlyMap<string, number>;
  /** Runs of scripts, by whatever command. */
  scripts: number;
}

const RUNS_A_SCRIPT = /^cmdstat_(?:eval|evalsha|eval_ro|evalsha_ro|fcall|fcall_ro):calls=(\d+)/gm;

export async function serverUsage(redis: Redis): Promise<ServerUsage> {
  const [clients, statistics] = await Promise.all([
    redis.client("LIST") as Promise<string>,
    redis.info("commandstats"),
  ]);
  const commands = new Map<string, number>();
  for (const line of clients.split("\n")) {
    const id = /^id=(\d+) /.exec(line)?.[1];
    if (id !== undefined) commands.set(id, Number(/ tot-cmds=(\d+)/.exec(line)?.[1] ?? Number.NaN));
  }
  let scripts = 0;
  for (const [, calls] of statistics.matchAll(RUNS_A_SCRIPT)) scripts += Number(calls);
  return { commands, scripts };
}

/** Commands since `before`, without those of the harness's own clients. */
export function commandsSince(
  before: ServerUsage,
  after: ServerUsage,
  harness: ServerUsage,
): number {
  let commands = 0;
  for (const [id, count] of after.commands) {
    if (!harness.commands.has(id)) commands += count - (before.commands.get(id) ?? 0);
  }
  return commands;
}

/** Requests that arrive until `during` resolves, whoever sends them; a script is one. */
export async function requestsDuring(
  redis: Redis,
  during: () => Promise<unknown>,
): Promise<number> {
  const monitor = await redis.monitor();
  const end = crypto.randomUUID();
  const { promise: hasEnded, resolve } = Promise.withResolvers<void>();
  let requests = 0;
  monitor.on("monitor", (_time: string, args: string[], source: string) => {
    if (args[1] === end) resolve();
    else if (source !== "lua") requests += 1;
  });
  await during();
  await redis.echo(end);
  await hasEnded;
  monitor.disconnect();
  return requests;
}
