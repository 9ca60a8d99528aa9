// The log of an owner on a terminal: as a table, and as lines where it is followed.
import type { LogEntry } from "../wire/log-entry.ts";
import { colors, printable, table, type Cell } from "./output.ts";

const COLUMNS = [
  { name: "when", isWhole: true },
  { name: "event" },
  { name: "outcome" },
  { name: "status", isWhole: true },
  { name: "ms", isWhole: true },
  { name: "attempt", isWhole: true },
  { name: "endpoint" },
];

export function logTable(entries: readonly LogEntry[]): string {
  return table(
    COLUMNS,
    entries.map((entry) => [
      when(entry),
      entry.event,
      outcome(entry),
      String(entry.status_code ?? "–"),
      String(entry.duration_ms),
      String(entry.attempt),
      entry.endpoint,
    ]),
  );
}

/** One attempt on one line, with the id that it is redelivered by. */
export function logLine(entry: LogEntry): string {
  const { text, paint } = outcome(entry);
  return [
    when(entry),
    paint(printable(text).padEnd(20)),
    String(entry.status_code ?? "–").padEnd(3),
    `${entry.duration_ms} ms`.padStart(8),
    `#${entry.attempt}`,
    printable(entry.event).padEnd(18),
    printable(entry.endpoint),
    entry.delivery_id,
  ].join("  ");
}

/** Without the year: a log is kept for days. In UTC, as every time of Fluxhook. */
function when({ timestamp }: LogEntry): string {
  return timestamp.slice(5, 19).replace("T", " ");
}

export function outcome(entry: LogEntry): Exclude<Cell, string> {
  const { outcome: what, reason, redirect_host: host } = entry;
  const why = host === undefined ? reason : `${reason} to ${host}`;
  const text = why === null ? what : `${what} (${why})`;
  return { text, paint: what === "delivered" ? colors.green : colors.red };
}
