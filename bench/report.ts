// What has been measured, for people and for machines.
import Table from "cli-table3";
import colors from "picocolors";
import { medianOf, METRICS, type Metric, type Result, type Row, type Scenario } from "./bench.ts";
import type { Machine, Pins } from "./machine.ts";

export interface Measured {
  scenario: Scenario;
  result: Result;
}

const format = new Intl.NumberFormat("en-US");

function shown(value: number, digits: number): string {
  return Number.isNaN(value) ? "" : format.format(Number(value.toFixed(digits)));
}

export function printMachine(machine: Machine, pins: Pins): void {
  const { cpu, cores, memory_gib, system, bun, node, valkey, bullmq, load_average } = machine;
  console.log(`${cpu}, ${cores} cores, ${memory_gib} GiB, ${system}, load ${load_average}`);
  console.log(`Bun ${bun}, Node ${node ?? "none"}, Valkey ${valkey}, BullMQ ${bullmq}`);
  console.log(
    pins === null
      ? "not pinned: taskset or a second core is missing"
      : `pinned to cores: ${Object.entries(pins)
          .map(([part, core]) => `${part} ${core}`)
          .join(", ")}`,
  );
}

export function printResult({ scenario, result }: Measured): void {
  console.log(`\n${colors.bold(scenario.name)}: ${scenario.what}`);
  for (const rows of Map.groupBy(result.rows, ({ table }) => table).values()) printRows(rows);
  for (const { what, limit, found, met } of result.bars) {
    const verdict = met ? colors.green("met    ") : colors.red("not met");
    console.log(`${verdict} ${what}: ${found.toFixed(2)} (${limit})`);
  }
  for (const note of result.notes) console.log(colors.dim(note));
}

function printRows(rows: readonly Row[]): void {
  const metrics = metricsOf(rows);
  const title = rows[0]?.table;
  const table = new Table({
    head: [title ?? "median", ...metrics.map((metric) => METRICS[metric].head)],
    colAligns: ["left", ...metrics.map(() => "right" as const)],
    style: { head: [], border: [] },
  });
  for (const row of rows) {
    table.push([
      title === undefined ? row.name : row.name.replace(`, ${title}`, ""),
      ...metrics.map((metric) => shown(medianOf(row, metric), METRICS[metric].digits)),
    ]);
  }
  console.log(table.toString());
}

/** Those that some row has, in the order of their list. */
function metricsOf(rows: readonly Row[]): Metric[] {
  return (Object.keys(METRICS) as Metric[]).filter((metric) =>
    rows.some(({ runs }) => runs.some((run) => run[metric] !== undefined)),
  );
}

export interface ReportHead {
  startedAt: Date;
  machine: Machine;
  pins: Pins;
  repeats: number;
  quick: boolean;
  notes: readonly string[];
}

export function reportJson(head: ReportHead, measured: readonly Measured[]): string {
  const document = {
    started_at: head.startedAt.toISOString(),
    machine: head.machine,
    pinned_to_cores: head.pins,
    repeats: head.repeats,
    quick: head.quick,
    notes: head.notes,
    scenarios: measured.map(({ scenario: { name, what }, result }) => ({
      name,
      what,
      rows: result.rows.map((row) => ({
        name: row.name,
        median: Object.fromEntries(
          metricsOf(result.rows).map((metric) => [metric, medianOf(row, metric)]),
        ),
        runs: row.runs,
      })),
      bars: result.bars,
      notes: result.notes,
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
