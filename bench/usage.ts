// What a contender has used by now, read without asking the contender: processor time and wake-ups
// from /proc, commands and scripts from Valkey's own counters.
import { readdir, readFile } from "node:fs/promises";
import type { Redis } from "iovalkey";
import { cpuSeconds } from "./measure.ts";

export interface ProcessUsage {
  cpuSeconds: number;
  /** Voluntary context switches of all threads: each is the end of a wait. */
  wakeUps: number;
}

/** A thread that ends between two readings takes its figures with it; Bun and Valkey keep theirs. */
export async function processUsage(...pids: readonly number[]): Promise<ProcessUsage> {
  let nanoseconds = 0;
  let wakeUps = 0;
  for (const pid of pids) {
    for (const thread of await readdir(`/proc/${pid}/task`)) {
      const folder = `/proc/${pid}/task/${thread}`;
      // A thread may end between the two calls.
      const schedule = await readFile(`${folder}/schedstat`, "utf8").catch(() => "");
      const status = await readFile(`${folder}/status`, "utf8").catch(() => "");
      nanoseconds += Number(schedule.split(" ")[0] ?? 0);
      wakeUps += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    }
  }
  // Ticks of 10 ms, where the kernel keeps no schedstat: too coarse at 10 events a second.
  const seconds = nanoseconds > 0 ? nanoseconds / 1e9 : await cpuSeconds(...pids);
  return { cpuSeconds: seconds, wakeUps };
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
