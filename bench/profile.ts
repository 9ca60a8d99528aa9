// `--profile <folder>`: where Fluxhook spends its time at one steady rate. The worker runs from its
// source under Bun's profiler, while a census of Valkey's scripts is taken.
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import Table from "cli-table3";
import type { Bench } from "./bench.ts";
import { census, type ScriptRuns } from "./census.ts";
import { fluxhook } from "./contenders/fluxhook.ts";
import { hottest, type CpuProfile, type FunctionTime } from "./cpu-profile.ts";
import { wallMs } from "./measure.ts";
import { openStage } from "./stage.ts";
import { durations } from "./steady-run.ts";
import { processUsage, usedSince } from "./usage.ts";
import { oneWebhookEach } from "./workload.ts";

const SOURCE = join(import.meta.dir, "../src/main.ts");
const DATA_BYTES = 110;
const SHOWN_FUNCTIONS = 30;

export async function profile(
  bench: Bench,
  { perSecond, owners, folder }: { perSecond: number; owners: number; folder: string },
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { settle, measured } = durations(bench);
  await using stage = await openStage(bench.pins, { mode: "latency" });
  const command = [process.execPath, "--cpu-prof", `--cpu-prof-dir=${folder}`, SOURCE, "serve"];
  const contender = fluxhook(bench.binary, command);
  const prepared = await contender.prepare(
    stage,
    oneWebhookEach(stage.receiver.base, owners, DATA_BYTES),
  );
  const known = new Set(await profilesIn(folder));
  const { pids, offer, stop } = await prepared.start();
  const wait = (seconds: number) =>
    perSecond === 0 ? Bun.sleep(seconds * 1_000) : offer({ perSecond, seconds });
  await wait(settle);
  stage.receiver.expect([], wallMs());
  await stage.receiver.read();
  const before = await processUsage(...pids);
  const scripts = await census(stage.redis, () => wait(measured));
  const after = await processUsage(...pids);
  const { requests } = await stage.receiver.read();
  await stop?.();

  console.log(
    `\n${perSecond}/s, ${owners} owners: ${requests} deliveries in ${measured} s, ` +
      `${usedSince(before, after).wakeUps} wake-ups of the worker's threads`,
  );
  printScripts(
    scripts,
    perSecond === 0 ? { unit: "second", count: measured } : { unit: "delivery", count: requests },
  );
  for (const file of (await profilesIn(folder)).filter((name) => !known.has(name))) {
    const path = join(folder, file);
    printFunctions(hottest((await Bun.file(path).json()) as CpuProfile));
    console.log(`The whole profile is ${path}; Chrome's and VS Code's profilers open it.`);
  }
}

async function profilesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(".cpuprofile"));
}

function printScripts(
  scripts: readonly ScriptRuns[],
  { unit, count }: { unit: "second" | "delivery"; count: number },
): void {
  const each = Math.max(1, count);
  const table = new Table({
    head: ["script", "runs", `a ${unit}`, "that changed nothing", "µs a run", `µs a ${unit}`],
    colAligns: ["left", "right", "right", "right", "right", "right"],
    style: { head: [], border: [] },
  });
  for (const { name, runs, empty, microseconds } of scripts) {
    table.push([
      name,
      runs,
      (runs / each).toFixed(2),
      (empty / each).toFixed(2),
      (microseconds / runs).toFixed(0),
      (microseconds / each).toFixed(0),
    ]);
  }
  console.log(table.toString());
}

function printFunctions(functions: readonly FunctionTime[]): void {
  const table = new Table({
    head: ["function", "where", "of the samples, %"],
    colAligns: ["left", "left", "right"],
    style: { head: [], border: [] },
  });
  for (const { name, where, share } of functions.slice(0, SHOWN_FUNCTIONS)) {
    table.push([name, where, (share * 100).toFixed(1)]);
  }
  console.log(table.toString());
}
