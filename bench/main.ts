// `bun run bench`: every scenario, or those that are named, on fresh processes; medians, ratios and
// what the project has set itself, as a table, JSON and a chart.
import { join } from "node:path";
import { Command } from "commander";
import colors from "picocolors";
import { drawChart } from "./chart.ts";
import type { Bench } from "./bench.ts";
import { ALL } from "./scenarios/backlog.ts";
import type { ContenderName } from "./contenders/contender.ts";
import { Field } from "./contenders/field.ts";
import { describeMachine, pinRunning, planPins } from "./machine.ts";
import { printMachine, printResult, reportJson, type Measured } from "./report.ts";
import { SCENARIOS } from "./scenarios/scenarios.ts";

/** The scenario that the chart shows. */
const CHARTED = "backlog";
/** Between the lines of a log. */
const LOG_EVERY_MS = 10_000;

interface Options {
  quick: boolean;
  repeat?: string;
  contenders?: string;
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
  .option("--contenders <names>", `comma-separated, of ${ALL.join(", ")}`)
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
const asked = (options.contenders?.split(",") ?? ALL) as ContenderName[];
const strangers = asked.filter((name) => !ALL.includes(name));
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
