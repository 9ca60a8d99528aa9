// The overview as text: what needs you first, then what happens now.
import { formatDuration } from "../../wire/duration.ts";
import { printable } from "../../wire/printable.ts";
import { colors, table, type Cell } from "../terminal/output.ts";
import type { Rates, StatsAnswer } from "./figures.ts";

const LISTS = ["list", "waiting", "oldest", "ready", "scheduled", "due", "lanes", "parked"];
const WORKERS = ["worker", "version", "slots used", "claimed", "last beat", "lists"];
/** Heartbeats come every 2 s. */
const LATE_S = 6;

export function overviewText(stats: StatsAnswer, rates: Rates): string {
  return [
    needsText(stats.needs),
    ratesText(stats, rates),
    table(
      LISTS.map((name) => ({ name, isWhole: name !== "list" })),
      stats.queues.map((queue) => [
        queue.name,
        String(queue.depth),
        age(queue.oldest_age_s),
        String(queue.ready),
        String(queue.scheduled),
        String(queue.due),
        String(queue.lanes),
        attention(queue.parked),
      ]),
    ),
    table(
      WORKERS.map((name) => ({ name, isWhole: name !== "worker" && name !== "lists" })),
      stats.workers.map((worker) => [
        worker.host ?? worker.id,
        worker.version ?? "earlier",
        worker.slots === null ? "–" : `${worker.used} of ${worker.slots}`,
        worker.held === null ? "–" : String(worker.held),
        lateness(worker.last_beat_s),
        worker.queues.join(", "),
      ]),
    ),
    valkeyText(stats.valkey),
  ].join("\n\n");
}

function needsText(needs: StatsAnswer["needs"]): string {
  if (needs.length === 0) return colors.green("Nothing needs you.");
  const lines = needs.map(({ message }) => `  ${colors.yellow("▲")} ${printable(message)}`);
  return [colors.bold("Needs you"), ...lines].join("\n");
}

function ratesText({ webhooks, rejected }: StatsAnswer, rates: Rates): string {
  const { delivered_per_s, failing, p50_ms, p95_ms, p99_ms } = rates;
  const failed = failing === null ? "no attempts" : `${Math.round(failing * 100)} % failing`;
  const shown = (value: number | null) => (value === null ? "–" : `${value} ms`);
  return [
    `${colors.bold(perSecond(delivered_per_s))} delivered   ${failed}   ` +
      `p50 ${shown(p50_ms)}   p95 ${shown(p95_ms)}   p99 ${shown(p99_ms)}`,
    `${webhooks.enabled} webhooks, ${webhooks.disabled} disabled   ${rejected} rejected`,
  ].join("\n");
}

function valkeyText({
  version,
  used_memory,
  maxmemory,
  append_only,
  round_trip_ms,
}: StatsAnswer["valkey"]): string {
  const memory =
    used_memory === null
      ? "memory unknown"
      : `${mebibytes(used_memory)}${maxmemory === null ? ", no limit" : ` of ${mebibytes(maxmemory)}`}`;
  const file =
    append_only === null ? "" : append_only ? "   append-only" : colors.red("   not append-only");
  return `Valkey ${printable(version ?? "")}   ${memory}${file}   ${round_trip_ms} ms`;
}

function perSecond(value: number): string {
  return `${value >= 10 ? Math.round(value) : Math.round(value * 10) / 10}/s`;
}

function attention(count: number): Cell {
  return count === 0 ? "0" : { text: String(count), paint: colors.yellow };
}

function lateness(seconds: number): Cell {
  const text = `${seconds} s`;
  return seconds < LATE_S ? text : { text, paint: colors.red };
}

function age(seconds: number): string {
  return seconds === 0 ? "–" : formatDuration(Math.max(1, Math.round(seconds)) * 1_000);
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
