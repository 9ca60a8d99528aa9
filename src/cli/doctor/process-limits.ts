// Checks the limit of file descriptors, which the connections need.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Settings } from "../../config/settings.ts";
import { ok, skipped, warning, problem, type Check, type Finding } from "./check.ts";

/** Linux only; elsewhere the limit is not read. */
const LIMITS = "/proc/self/limits";
/** In addition to connections to receivers: the API's clients, Valkey, files. */
const OTHER_FILES = 1_000;

export const limitChecks: Check[] = [
  {
    name: "open-files",
    reads: ["CONCURRENCY"],
    look: async ({ settings }) => checkOpenFiles(await openFileLimit(), settings),
  },
];

export function checkOpenFiles(
  limit: number | null,
  { CONCURRENCY }: Pick<Settings, "CONCURRENCY">,
): Finding {
  if (limit === null) return skipped("the limit cannot be read on this system");
  const needed = CONCURRENCY * 2 + OTHER_FILES;
  const found = `${limit === Number.POSITIVE_INFINITY ? "no limit" : limit}, ${needed} needed`;
  if (limit >= needed) return ok(found);
  const advice =
    "raise it (LimitNOFILE=, --ulimit nofile=, ulimit -n), or lower FLUXHOOK_CONCURRENCY";
  return limit < CONCURRENCY ? problem(found, advice) : warning(found, advice);
}

/** Returns the current limit of this process: Bun raises the soft limit to the hard one at the start. */
async function openFileLimit(): Promise<number | null> {
  // Not with Bun.file, which cannot read files without a size, as in /proc.
  return existsSync(LIMITS) ? readOpenFileLimit(await readFile(LIMITS, "utf8")) : null;
}

export function readOpenFileLimit(limits: string): number | null {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return null;
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}
