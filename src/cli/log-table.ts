// The log of an owner as a table on a terminal.
import Table from "cli-table3";
import colors from "picocolors";
import type { LogEntry } from "../wire/log-entry.ts";

export function logTable(entries: readonly LogEntry[]): string {
  const table = new Table({
    head: ["when", "event", "outcome", "status", "ms", "attempt", "endpoint"],
    style: { head: colors.isColorSupported ? ["bold"] : [], border: [], compact: true },
  });
  for (const entry of entries) {
    const outcome = entry.reason === null ? entry.outcome : `${entry.outcome} (${entry.reason})`;
    table.push([
      entry.timestamp.slice(11, 23),
      entry.event,
      entry.outcome === "delivered" ? colors.green(outcome) : colors.red(outcome),
      String(entry.status_code ?? "–"),
      String(entry.duration_ms),
      String(entry.attempt),
      entry.endpoint,
    ]);
  }
  return table.toString();
}
