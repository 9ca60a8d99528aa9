// `bun run faults`: breaks the built binary in every way that the guarantees speak of, and counts.
// `--long` for the full numbers, `--only <name>` for one scenario, `--json` for machines, `--older
// <path>` for a binary of the previous version, if the clone has no history to build it from.
import { parseArgs } from "node:util";
import Table from "cli-table3";
import colors from "picocolors";
import { openContext, type Result, type Scenario } from "./harness.ts";
import { SCENARIOS } from "./scenarios.ts";

const USAGE = `bun run faults -- [--long] [--only <name>]… [--json] [--older <path>]
bun run faults -- --list`;

const values = readOptions();
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

interface Row extends Partial<Result> {
  scenario: Scenario;
  seconds: number;
  ok: boolean;
  error?: string;
}

if (values.list) {
  for (const { name, what } of SCENARIOS) console.log(`${name.padEnd(24)} ${what}`);
  process.exit(0);
}
const unknown = values.only?.filter((name) => SCENARIOS.every((one) => one.name !== name)) ?? [];
if (unknown.length > 0) {
  console.error(`no scenario is called ${unknown.join(", ")}; --list names them`);
  process.exit(2);
}
const chosen = SCENARIOS.filter(({ name }) => !values.only || values.only.includes(name));
const build = Bun.spawnSync([process.execPath, "build.ts", "--faults"], { stderr: "inherit" });
if (build.exitCode !== 0) process.exit(1);

const rows: Row[] = [];
for (const scenario of chosen) rows.push(await runOne(scenario));
if (values.json) console.log(JSON.stringify(rows, null, 2));
else console.log(table(rows));
const failed = rows.filter((row) => !row.ok).length;
console.log(`${rows.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

function readOptions() {
  try {
    return parseArgs({
      options: {
        long: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
        only: { type: "string", multiple: true },
        older: { type: "string" },
      },
    }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

async function runOne(scenario: Scenario): Promise<Row> {
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 100) / 10;
  const progress = (text: string) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${scenario.name}: ${text}`);
  };
  progress("starting");
  const { context, close } = openContext(
    { long: values.long, older: values.older ?? null },
    progress,
  );
  try {
    const result = await scenario.run(context);
    const held = result.checks.every((check) => check.holds);
    const ok = scenario.mustFail ? !held : held;
    const row = { scenario, seconds: seconds(), ok, ...result };
    progress("");
    console.error(`${ok ? colors.green("✓") : colors.red("✗")} ${scenario.name} ${row.seconds} s`);
    return row;
  } catch (error) {
    console.error(`${colors.red("✗")} ${scenario.name}: ${String(error)}`);
    return { scenario, seconds: seconds(), ok: false, error: String(error) };
  } finally {
    await close();
  }
}

function table(all: readonly Row[]): string {
  const drawn = new Table({
    head: ["scenario", "sent", "received", "lost", "dup.", "what holds", "s"],
    style: { head: [], border: [] },
    colWidths: [26, 9, 10, 7, 7, 62, 8],
    wordWrap: true,
  });
  for (const { scenario, ok, error, seconds, checks, ...counted } of all) {
    const lines = (checks ?? []).map(
      ({ what, found, holds }) => `${holds ? "✓" : "✗"} ${what}: ${found}`,
    );
    if (error !== undefined) lines.push(error);
    if (scenario.mustFail) lines.push("(a control: right only if it fails)");
    const name = ok ? colors.green(scenario.name) : colors.red(`${scenario.name} FAILED`);
    drawn.push([
      name,
      counted.sent ?? "",
      counted.received ?? "",
      counted.lost ?? "",
      counted.duplicates ?? "",
      lines.join("\n"),
      seconds,
    ]);
  }
  return drawn.toString();
}
