// Which machine this is, and which process runs on which of its cores.
import { readFileSync } from "node:fs";
import { arch, cpus, loadavg, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { locateValkey } from "../src/local-valkey/locate.ts";

/** The part that a process plays; each is pinned to one core. */
export type Part = "contender" | "receiver" | "valkey" | "harness";

export type Pins = Record<Part, number> | null;

export interface Machine {
  cpu: string;
  cores: number;
  memory_gib: number;
  system: string;
  bun: string;
  node: string | null;
  valkey: string;
  bullmq: string;
  /** Of the last minute, when the run began: a busy machine measures its other work too. */
  load_average: number;
}

export async function describeMachine(): Promise<Machine> {
  const node = Bun.which("node");
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()} ${arch()}`,
    bun: Bun.version,
    node: node && Bun.spawnSync([node, "--version"]).stdout.toString().trim().replace("v", ""),
    valkey: (await locateValkey()).version,
    bullmq: packageVersion("bullmq"),
    load_average: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

/**
 * The contender has a core of its own; what it works with shares the others. Null where the system
 * has no taskset or too few cores.
 */
export function planPins(): Pins {
  const cores = cpus().length;
  if (Bun.which("taskset") === null || cores < 2) return null;
  if (cores < 4) return { contender: 0, receiver: 1, valkey: 1, harness: 1 };
  return { contender: 0, receiver: 1, valkey: 2, harness: 3 };
}

/** The command, started on its part's core. */
export function pinned(command: readonly string[], part: Part, pins: Pins): string[] {
  return pins === null ? [...command] : ["taskset", "-c", `${pins[part]}`, ...command];
}

/** The same for a process that runs already, with all its threads. */
export function pinRunning(pid: number, part: Part, pins: Pins): void {
  if (pins === null) return;
  const { exitCode } = Bun.spawnSync(["taskset", "-a", "-c", "-p", `${pins[part]}`, `${pid}`]);
  if (exitCode !== 0) throw new Error(`the ${part} (${pid}) could not be pinned`);
}

function packageVersion(name: string): string {
  const file = join(import.meta.dir, "../node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
