// What a contender has used by now, read without asking the contender: processor time and wake-ups
// from /proc, commands and scripts from Valkey's own counters.
import { readdir, readFile } from "node:fs/promises";
import type { Redis } from "iovalkey";
import { cpuSeconds } from "./measure.ts";

export interface ProcessUsage {
  /** By process and thread. */
  threads: ReadonlyMap<string, ThreadUsage>;
  /** In steps of 10 ms; with the threads that have ended. */
  tickedSeconds: number;
}

interface ThreadUsage {
  seconds: number;
  /** Voluntary context switches: each is the end of a wait. */
  wakeUps: number;
}

export async function processUsage(...pids: readonly number[]): Promise<ProcessUsage> {
  const threads = new Map<string, ThreadUsage>();
  for (const pid of pids) {
    for (const thread of await readdir(`/proc/${pid}/task`)) {
      const folder = `/proc/${pid}/task/${thread}`;
      // A thread may end between the two calls.
      const schedule = await readFile(`${folder}/schedstat`, "utf8").catch(() => "");
      const status = await readFile(`${folder}/status`, "utf8").catch(() => "");
      threads.set(`${pid}/${thread}`, {
        seconds: Number(schedule.split(" ")[0] ?? 0) / 1e9,
        wakeUps: Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0),
      });
    }
  }
  return { threads, tickedSeconds: await cpuSeconds(...pids) };
}

/**
 * Processor time and wake-ups between two readings, by the threads that are there at the second one. A thread
 * that has ended since (the compiler's do when there is nothing to compile) takes its figures with it; its
 * time is in the ticks, which are right to 20 ms and count where the kernel keeps no `schedstat`.
 */
export function usedSince(
  before: ProcessUsage,
  after: ProcessUsage,
): { cpuSeconds: number; wakeUps: number } {
  let seconds = 0;
  let wakeUps = 0;
  for (const [id, now] of after.threads) {
    const then = before.threads.get(id);
    seconds += now.seconds - (then?.seconds ?? 0);
    wakeUps += now.wakeUps - (then?.wakeUps ?? 0);
  }
  const ticked = after.tickedSeconds - before.tickedSeconds;
  return { cpuSeconds: Math.max(seconds, ticked - TICK_ERROR_S), wakeUps };
}

/** Both readings are rounded down to a tick. */
const TICK_ERROR_S = 0.02;

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
