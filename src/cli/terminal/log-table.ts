// Prints the log of an owner: as a table, or as lines with --follow.
import type { LiveAttempt } from "../../wire/live.ts";
import type { LogEntry } from "../../wire/log-entry.ts";
import { printable } from "../../wire/printable.ts";
import { colors, table, type Cell } from "./output.ts";

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
      subject(entry),
      outcome(entry),
      String(entry.status_code ?? "–"),
      String(entry.duration_ms),
      String(entry.attempt),
      entry.endpoint,
    ]),
  );
}

/** Formats one attempt as a line, with the id for redelivery. */
export function logLine(entry: LogEntry): string {
  const { text, paint } = outcome(entry);
  return [
    printable(when(entry)),
    paint(printable(text).padEnd(20)),
    String(entry.status_code ?? "–").padEnd(3),
    `${entry.duration_ms} ms`.padStart(8),
    `#${entry.attempt}`,
    printable(subject(entry)).padEnd(18),
    printable(entry.endpoint),
    printable(entry.delivery_id),
  ].join("  ");
}

/** The same of all owners' attempts: with the owner. */
export function liveLine(attempt: LiveAttempt): string {
  const { user_id, org_id } = attempt;
  const owner = user_id === undefined ? `org ${org_id ?? ""}` : `user ${user_id}`;
  return `${logLine(attempt)}  ${printable(owner)}`;
}

/** Returns the event type, or the beginning of an element that another program put into the log. */
function subject({ outcome: what, event, raw, raw_base64 }: LogEntry): string {
  return what === "unreadable" ? (raw ?? raw_base64 ?? "").slice(0, MAX_RAW_SHOWN) : event;
}

const MAX_RAW_SHOWN = 60;

/** Formats a time in UTC without the year: a log is kept for days. */
function when({ timestamp }: LogEntry): string {
  return timestamp.slice(5, 19).replace("T", " ") || "–";
}

export function outcome(entry: LogEntry): Exclude<Cell, string> {
  const { outcome: what, reason, redirect_host: host } = entry;
  const why = host === undefined ? reason : `${reason} to ${host}`;
  const text = why === null || why === what ? what : `${what} (${why})`;
  return { text, paint: what === "delivered" ? colors.green : colors.red };
}
