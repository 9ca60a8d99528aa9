// Prints the output of the commands: the JSON of the API, or tables that fit the terminal. Uses
// console.log, which Bun writes at once: process.exit loses what process.stdout has buffered.
import Table from "cli-table3";
import { createColors } from "picocolors";
import { printable, printableJson } from "../../wire/printable.ts";

const { env, stdout } = process;

/** https://no-color.org: NO_COLOR has priority; an empty one counts as not set. */
export const colors = createColors(
  !env["NO_COLOR"] && Boolean(env["FORCE_COLOR"] || (stdout.isTTY && env["TERM"] !== "dumb")),
);

/** Prints one document: the JSON in `text`, or the result of `human`. */
export function print(isJson: boolean, text: string, human: () => string): void {
  console.log(isJson ? printableJson(text) : human());
}

/** A text and its colour. */
export type Cell = string | { text: string; paint: (text: string) => string };

export interface Column {
  name: string;
  /** Never broken into lines, because users copy it as one word. */
  isWhole?: boolean;
}

/** Minimum width of a column. */
const MIN_WIDTH = 8;
/** Width of the borders: one and two spaces per cell, and the last border. */
const FRAME_OF_CELL = 3;
const LAST_BORDER = 1;

/** Formats a table, or a list of rows if the terminal is too narrow. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width = terminalWidth(),
): string {
  const natural = columns.map(({ name }, at) =>
    Math.max(...[name, ...rows.map((row) => textOf(row[at] ?? ""))].map(widthOf)),
  );
  const widths = fit(columns, natural, width - LAST_BORDER - FRAME_OF_CELL * columns.length);
  if (widths === null) return stacked(columns, rows);
  const drawn = new Table({
    head: columns.map(({ name }) => name),
    // cli-table3 includes the spaces in the width of a column.
    colWidths: widths.map((one) => one + 2),
    style: { head: colors.isColorSupported ? ["bold"] : [], border: [], compact: true },
  });
  for (const row of rows) {
    drawn.push(row.map((cell, at) => Bun.wrapAnsi(toText(cell), widths[at] ?? 0, { hard: true })));
  }
  return drawn.toString();
}

/** Formats one object, one field per line. */
export function details(fields: readonly (readonly [name: string, value: Cell])[]): string {
  const room = Math.max(...fields.map(([name]) => name.length)) + 2;
  return fields
    .map(
      ([name, value]) =>
        `${colors.bold(name)}${" ".repeat(room - name.length)}${toText(value || "–")}`,
    )
    .join("\n");
}

/** Unlimited if the output is not a terminal, so that nothing is cut from what may be searched. */
function terminalWidth(): number {
  return stdout.columns ?? (Number(env["COLUMNS"]) || Number.POSITIVE_INFINITY);
}

/** Shrinks the widest column first. Returns null if the columns cannot fit. */
function fit(
  columns: readonly Column[],
  natural: readonly number[],
  room: number,
): number[] | null {
  const widths = [...natural];
  for (let over = widths.reduce((sum, one) => sum + one, 0) - room; over > 0; over -= 1) {
    const flexible = widths.map((one, at) => (columns[at]?.isWhole ? 0 : one));
    const widest = Math.max(...flexible);
    if (widest <= MIN_WIDTH) return null;
    widths[flexible.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function stacked(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  return rows
    .map((row) => details(columns.map(({ name }, at) => [name, row[at] ?? ""])))
    .join("\n\n");
}

function widthOf(text: string): number {
  return Math.max(...text.split("\n").map((line) => Bun.stringWidth(line)));
}

function textOf(cell: Cell): string {
  return printable(typeof cell === "string" ? cell : cell.text);
}

function toText(cell: Cell): string {
  return typeof cell === "string" ? printable(cell) : cell.paint(printable(cell.text));
}
