// How the commands print: JSON as the API gave it, or for people tables that fit their terminal.
// By console.log, which Bun writes at once: what process.stdout still holds is lost by process.exit.
import Table from "cli-table3";
import { createColors } from "picocolors";
import { printable, printableJson } from "../../wire/printable.ts";

const { env, stdout } = process;

/** https://no-color.org: NO_COLOR goes before all, and an empty one is none. */
export const colors = createColors(
  !env["NO_COLOR"] && Boolean(env["FORCE_COLOR"] || (stdout.isTTY && env["TERM"] !== "dumb")),
);

/** One document: the JSON in `text`, or what `human` makes. */
export function print(isJson: boolean, text: string, human: () => string): void {
  console.log(isJson ? printableJson(text) : human());
}

/** A text, and the colour that it is shown in. */
export type Cell = string | { text: string; paint: (text: string) => string };

export interface Column {
  name: string;
  /** Never broken: it is copied as one word. */
  isWhole?: boolean;
}

/** Narrower than this a column is no column any more. */
const MIN_WIDTH = 8;
/** A border and a space on each side of a cell, and the last border. */
const FRAME_OF_CELL = 3;
const LAST_BORDER = 1;

/** A table; where the terminal is too narrow for one, the rows one below the other. */
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
    // cli-table3 counts the spaces to a column's width.
    colWidths: widths.map((one) => one + 2),
    style: { head: colors.isColorSupported ? ["bold"] : [], border: [], compact: true },
  });
  for (const row of rows) {
    drawn.push(row.map((cell, at) => Bun.wrapAnsi(toText(cell), widths[at] ?? 0, { hard: true })));
  }
  return drawn.toString();
}

/** One thing, a field to a line. */
export function details(fields: readonly (readonly [name: string, value: Cell])[]): string {
  const room = Math.max(...fields.map(([name]) => name.length)) + 2;
  return fields
    .map(
      ([name, value]) =>
        `${colors.bold(name)}${" ".repeat(room - name.length)}${toText(value || "–")}`,
    )
    .join("\n");
}

/** Where the output goes to no terminal, nothing is cut: it may be searched. */
function terminalWidth(): number {
  return stdout.columns ?? (Number(env["COLUMNS"]) || Number.POSITIVE_INFINITY);
}

/** The widest column gives first. Null where there is not enough to give. */
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
