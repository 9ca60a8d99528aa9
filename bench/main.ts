// `bun run bench`: every scenario, or those that are named, on fresh processes; medians, ratios and
// what the project has set itself, as a table, JSON and a chart.
import { join, resolve } from "node:path";
import { Command } from "commander";
import colors from "picocolors";
import { drawChart } from "./chart.ts";
import type { Bench } from "./bench.ts";
import { CONTENDER_NAMES, type ContenderName } from "./contenders/contender.ts";
import { Field } from "./contenders/field.ts";
import { describeMachine, pinRunning, planPins } from "./machine.ts";
import { profile } from "./profile.ts";
import { printMachine, printResult, reportJson, type Measured } from "./report.ts";
import { SCENARIOS } from "./scenarios/scenarios.ts";

/** The scenario that the chart shows. */
const CHARTED = "backlog";
/** Between the lines of a log. */
const LOG_EVERY_MS = 10_000;
/** Where `--profile` has no rate and no owners. */
const PROFILED_RATE = 100;
const PROFILED_OWNERS = 20;

interface Options {
  quick: boolean;
  repeat?: string;
  contenders?: string;
  rate?: string;
  owners?: string;
  profile?: string;
  binary: string;
  json?: string;
  chart?: string;
  list: boolean;
  pin: boolean;
}

const program = new Command("bench")
  .description("Measures Fluxhook beside a bare loop of signed fetches and BullMQ.")
  .argument("[scenario...]", "all but the long ones where none is named")
  .option("--quick", "fewer events, shorter, one repeat: to see that it works", false)
  .option("--repeat <n>", "how often each case runs; 5, with --quick 1")
  .option("--contenders <names>", `comma-separated, of ${CONTENDER_NAMES.join(", ")}`)
  .option("--rate <list>", "of steady: events a second, comma-separated; 0 is nothing to do")
  .option("--owners <list>", "of steady: how many owners, comma-separated")
  .option(
    "--profile <folder>",
    "instead: Valkey's scripts and the worker's functions at these rates",
  )
  .option("--binary <file>", "the Fluxhook to measure", join(import.meta.dir, "../dist/fluxhook"))
  .option("--json <file>", "writes all runs and medians")
  .option("--chart <file>", "draws the backlog's medians as SVG")
  .option("--no-pin", "leaves the choice of cores to the system")
  .option("--list", "names the scenarios", false)
  .parse();
const options = program.opts<Options>();
/** As Fluxhook's own commands: 2 is wrong usage. */
const refuse = (message: string): never => program.error(message, { exitCode: 2 });

if (options.list) {
  for (const { name, what, onlyByName } of SCENARIOS) {
    console.log(`${name.padEnd(14)} ${what}${onlyByName ? " (only where it is named)" : ""}`);
  }
  process.exit(0);
}
if (!(await Bun.file(options.binary).exists())) {
  refuse(`${options.binary} is not there; bun run build makes it`);
}
const names = program.args;
const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
const asked = (options.contenders?.split(",") ?? CONTENDER_NAMES) as ContenderName[];
const strangers = asked.filter((name) => !CONTENDER_NAMES.includes(name));
const rates = wholeNumbers("--rate", options.rate, 0);
const owners = wholeNumbers("--owners", options.owners, 1);
const repeats = Number(options.repeat ?? (options.quick ? 1 : 5));
if (unknown.length > 0) refuse(`no scenario is called ${unknown.join(", ")}; see --list`);
if (strangers.length > 0) refuse(`no contender is called ${strangers.join(", ")}`);
if (!Number.isInteger(repeats) || repeats < 1) refuse("--repeat takes a whole number");

const startedAt = new Date();
const machine = await describeMachine();
const pins = options.pin ? planPins() : null;
// What it starts without a core of its own is on the harness's too.
pinRunning(process.pid, "harness", pins);
printMachine(machine, pins);
if (options.quick) console.log("quick: fewer events and seconds than the scenarios say");

let current = "";
let loggedAtMs = Number.NEGATIVE_INFINITY;
const bench: Bench = {
  quick: options.quick,
  repeats,
  pins,
  binary: options.binary,
  contenders: (...wanted) => field.pick(wanted),
  untunedContenders: (...wanted) => field.pick(wanted, { tunes: false }),
  rates,
  owners,
  progress: (text) => {
    const nowMs = performance.now();
    const line = colors.dim(`${Math.round(nowMs / 1_000)} s ${current}: ${text}`);
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
    else if (nowMs - loggedAtMs >= LOG_EVERY_MS) {
      loggedAtMs = nowMs;
      process.stderr.write(`${line}\n`);
    }
  },
};
const field = new Field(
  bench,
  machine.node === null ? asked.filter((name) => name !== "bullmq-node") : asked,
);

if (options.profile !== undefined) {
  const folder = resolve(options.profile);
  for (const of of owners ?? [PROFILED_OWNERS]) {
    for (const perSecond of rates ?? [PROFILED_RATE]) {
      await profile(bench, { perSecond, owners: of, folder });
    }
  }
  process.exit(0);
}

const measured: Measured[] = [];
let failed = 0;
for (const scenario of SCENARIOS) {
  if (names.length > 0 ? !names.includes(scenario.name) : scenario.onlyByName) continue;
  current = scenario.name;
  try {
    const result = await scenario.run(bench);
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    measured.push({ scenario, result });
    printResult({ scenario, result });
    if (options.chart !== undefined && scenario.name === CHARTED) {
      await Bun.write(options.chart, drawChart(result));
    }
  } catch (error) {
    // The others are worth their time all the same.
    console.error(`\n${colors.red(`${scenario.name} failed`)}: ${Bun.inspect(error)}`);
    failed += 1;
  }
  // After each one: a run that is stopped keeps what it has.
  if (options.json !== undefined) {
    const head = { startedAt, machine, pins, repeats, quick: options.quick, notes: field.notes };
    await Bun.write(options.json, reportJson(head, measured));
  }
}
for (const note of field.notes) console.log(colors.dim(note));
process.exit(failed === 0 ? 0 : 1);

function wholeNumbers(option: string, text: string | undefined, least: number) {
  const numbers = text?.split(",").map(Number);
  if (numbers?.some((number) => !Number.isInteger(number) || number < least)) {
    refuse(`${option} takes whole numbers from ${least} on, comma-separated; it was "${text}"`);
  }
  return numbers;
}
