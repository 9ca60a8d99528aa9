// Prints the results of `fluxhook doctor`: as a table for people, or as JSON.
import Table from "cli-table3";
import { VERSION } from "../../version.ts";
import { printableJson, printableLines } from "../../wire/printable.ts";
import { colors } from "../terminal/output.ts";
import type { CheckResult, CheckStatus } from "./check.ts";

/** Minimum width for a table with three columns. */
const NARROWEST_TABLE = 80;
/** Maximum width, for readability. */
const WIDEST_TABLE = 140;
/** Width of four borders, and a space on both sides of each of three cells. */
const FRAME = 10;

const MARKS: Record<CheckStatus, (text: string) => string> = {
  ok: (text) => colors.green(`✓ ${text}`),
  warning: (text) => colors.yellow(`! ${text}`),
  problem: (text) => colors.red(`✗ ${text}`),
  skipped: (text) => colors.dim(`- ${text}`),
};

export function worst(results: readonly CheckResult[]): "ok" | "warning" | "problem" {
  for (const status of ["problem", "warning"] as const) {
    if (results.some((result) => result.status === status)) return status;
  }
  return "ok";
}

export function jsonReport(results: readonly CheckResult[]): string {
  const checks = results.map(({ check, status, found, advice }) => ({
    check,
    status,
    found,
    advice,
  }));
  return printableJson(
    JSON.stringify({ version: VERSION, status: worst(results), checks }, null, 2),
  );
}

export function textReport(results: readonly CheckResult[], columns: number): string {
  const width = Math.min(columns, WIDEST_TABLE);
  const body = width < NARROWEST_TABLE ? stacked(results) : table(results, width);
  return `${body}\n${summary(results)}`;
}

function table(results: readonly CheckResult[], width: number): string {
  const first = Math.max(...results.map(({ check }) => check.length)) + 2;
  const rest = width - FRAME - first;
  const found = Math.floor(rest / 2);
  const rows = new Table({
    head: ["check", "found", "what to do"],
    // cli-table3 includes the padding in the width of a column.
    colWidths: [first + 2, found + 2, rest - found + 2],
    style: { head: colors.isColorSupported ? ["bold"] : [], border: [], compact: true },
  });
  for (const { check, status, found: seen, advice } of results) {
    rows.push([
      MARKS[status](check),
      wrap(printableLines(seen), found),
      wrap(printableLines(advice ?? ""), rest - found),
    ]);
  }
  return rows.toString();
}

function stacked(results: readonly CheckResult[]): string {
  const indented = (text: string) => printableLines(text).replaceAll(/^/gm, "  ");
  return results
    .map(({ check, status, found, advice }) =>
      [MARKS[status](check), indented(found), ...(advice ? [indented(`→ ${advice}`)] : [])].join(
        "\n",
      ),
    )
    .join("\n");
}

function summary(results: readonly CheckResult[]): string {
  const count = (status: CheckStatus) => results.filter((one) => one.status === status).length;
  const counted = (status: CheckStatus) =>
    `${count(status)} ${status}${count(status) === 1 ? "" : "s"}`;
  return `${counted("problem")}, ${counted("warning")}, ${count("ok")} ok, ${count("skipped")} skipped`;
}

/** Uses Bun's wrapping, which knows the width of characters, and cuts words that are longer than a line. */
function wrap(text: string, width: number): string {
  return Bun.wrapAnsi(text, width, { hard: true });
}
