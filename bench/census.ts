// A census of the scripts that Valkey runs: how often each one, how long, and how many runs changed
// nothing. It reads the slow log with its threshold at 0, which names the commands inside of scripts
// too. That costs Valkey some of its time, so a census never runs while processor time is measured.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Redis } from "iovalkey";
import { Script } from "../src/valkey/connection/script.ts";
import parkedIndexText from "../src/valkey/scripts/parked-index.lua" with { type: "text" };

export interface ScriptRuns {
  /** Its file's name; the beginning of its SHA-1 where no file of this checkout has it. */
  name: string;
  runs: number;
  /** Runs in which no command wrote: a claim that found nothing. */
  empty: number;
  /** By Valkey's clock, with what the slow log itself costs. */
  microseconds: number;
}

/** Id, Unix time, microseconds, arguments, client's address, client's name. */
export type SlowLogEntry = [number, number, number, string[], string, string];

const SCRIPTS = join(import.meta.dir, "../src/valkey/scripts");
const THRESHOLD = "slowlog-log-slower-than";
const MAX_ENTRIES = 2_000_000;
const RUNS_A_SCRIPT = new Set(["evalsha", "eval", "fcall"]);

/** Counts the scripts that run until `during` resolves. */
export async function census(redis: Redis, during: () => Promise<unknown>): Promise<ScriptRuns[]> {
  const writes = new Set(
    (await redis.call("COMMAND", "LIST", "FILTERBY", "ACLCAT", "write")) as string[],
  );
  const names = await scriptNames();
  const [, threshold = ""] = (await redis.config("GET", THRESHOLD)) as string[];
  await redis.config("SET", "slowlog-max-len", MAX_ENTRIES);
  await redis.call("SLOWLOG", "RESET");
  await redis.config("SET", THRESHOLD, 0);
  await during();
  await redis.config("SET", THRESHOLD, threshold);
  const entries = (await redis.call("SLOWLOG", "GET", -1)) as SlowLogEntry[];
  await redis.call("SLOWLOG", "RESET");
  return countScripts(entries.toReversed(), writes, names);
}

/**
 * `entries` from the oldest on: the commands inside of a script come before the script itself, under
 * the same client's address.
 */
export function countScripts(
  entries: readonly SlowLogEntry[],
  writes: ReadonlySet<string>,
  names: ReadonlyMap<string, string>,
): ScriptRuns[] {
  const counted = new Map<string, ScriptRuns>();
  const hasWritten = new Set<string>();
  for (const [, , microseconds, [command = "", sha = ""], address] of entries) {
    const verb = command.toLowerCase();
    if (!RUNS_A_SCRIPT.has(verb)) {
      if (writes.has(verb)) hasWritten.add(address);
      continue;
    }
    const name = names.get(sha) ?? sha.slice(0, 8);
    const one = counted.get(name) ?? { name, runs: 0, empty: 0, microseconds: 0 };
    counted.set(name, one);
    one.runs += 1;
    one.microseconds += microseconds;
    // Deleting also clears it for the client's next script.
    if (!hasWritten.delete(address)) one.empty += 1;
  }
  return [...counted.values()].toSorted((a, b) => b.microseconds - a.microseconds);
}

async function scriptNames(): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const file of await readdir(SCRIPTS)) {
    const text = await Bun.file(join(SCRIPTS, file)).text();
    // With and without the library that some of them call.
    for (const library of ["", parkedIndexText]) names.set(new Script(text, library).sha, file);
  }
  return names;
}
