// The gauges of `GET /metrics`. Those of lists are read from Valkey, and are the same on every replica.
import { readdirSync, readFileSync } from "node:fs";
import { ofQueues, one, type Metric } from "./metric.ts";

const SAME = "The same on every replica: use max by (queue), never sum.";

export const GAUGES: readonly Metric[] = [
  {
    name: "fluxhook_queue_depth",
    type: "gauge",
    help: `Elements that wait on the list. ${SAME}`,
    labels: ["queue"],
    read: ofQueues(({ depth }) => depth),
  },
  {
    name: "fluxhook_queue_oldest_age_seconds",
    type: "gauge",
    help: `How long the oldest element has waited on the list, at least. ${SAME}`,
    labels: ["queue"],
    read: ofQueues(({ oldestAgeS }) => oldestAgeS),
  },
  {
    name: "fluxhook_ready_items",
    type: "gauge",
    help: `Deliveries that run next. ${SAME}`,
    labels: ["queue"],
    read: ofQueues(({ ready }) => ready),
  },
  {
    name: "fluxhook_scheduled_deliveries",
    type: "gauge",
    help: `Deliveries that wait for their next attempt. ${SAME}`,
    labels: ["queue"],
    read: ofQueues(({ scheduled }) => scheduled),
  },
  {
    name: "fluxhook_scheduled_due_deliveries",
    type: "gauge",
    help: `Scheduled deliveries whose time has come. ${SAME}`,
    labels: ["queue"],
    read: ofQueues(({ due }) => due),
  },
  {
    name: "fluxhook_lanes",
    type: "gauge",
    help: `Webhooks with deliveries that wait for a slot. ${SAME}`,
    labels: ["queue"],
    read: ofQueues(({ lanes }) => lanes),
  },
  {
    name: "fluxhook_parked_deliveries",
    type: "gauge",
    help: `Parked deliveries. ${SAME}`,
    labels: ["queue"],
    read: ofQueues(({ parked }) => parked),
  },
  {
    name: "fluxhook_parked_bytes",
    type: "gauge",
    help: `Bytes of parked deliveries. ${SAME}`,
    labels: ["queue"],
    read: ofQueues(({ parkedBytes }) => parkedBytes),
  },
  {
    name: "fluxhook_workers",
    type: "gauge",
    help: `Workers that take from the list. ${SAME}`,
    labels: ["queue"],
    read: ofQueues(({ workers }) => workers),
  },
  {
    name: "fluxhook_rejected_elements",
    type: "gauge",
    help: "Elements on the rejected list. The same on every replica: use max, never sum.",
    labels: [],
    read: ({ valkey }) => (valkey === null ? [] : [{ labels: {}, value: valkey.rejected }]),
  },
  {
    name: "fluxhook_webhooks",
    type: "gauge",
    help: "Webhooks by state: enabled or disabled. The same on every replica: use max, never sum.",
    labels: ["state"],
    read: ({ valkey }) =>
      Object.entries(valkey?.webhooks ?? {}).map(([state, value]) => ({
        labels: { state },
        value,
      })),
  },
  {
    name: "fluxhook_slots",
    type: "gauge",
    help: "How many deliveries this process may have claimed at a time: FLUXHOOK_CONCURRENCY.",
    labels: [],
    read: one(({ process }) => process.slots),
  },
  {
    name: "fluxhook_slots_in_use",
    type: "gauge",
    help: "Attempts of this process that are under way.",
    labels: [],
    read: one(({ process }) => process.slotsInUse),
  },
  {
    name: "fluxhook_held_claims",
    type: "gauge",
    help: "What this process has claimed and not settled.",
    labels: [],
    read: one(({ process }) => process.heldClaims),
  },
  {
    name: "fluxhook_cached_owners",
    type: "gauge",
    help: "Owners whose webhooks this process has in memory.",
    labels: [],
    read: one(({ process }) => process.cachedOwners),
  },
  {
    name: "fluxhook_stream_viewers",
    type: "gauge",
    help: "Open streams of GET /v1/stream.",
    labels: [],
    read: one(({ process }) => process.streamViewers),
  },
  {
    name: "fluxhook_valkey_up",
    type: "gauge",
    help: "1 if Valkey answers this process, else 0; the gauges that are read from it are then missing.",
    labels: [],
    read: one(({ valkey }) => (valkey === null ? 0 : 1)),
  },
  {
    name: "fluxhook_build_info",
    type: "gauge",
    help: "Always 1: the version of Fluxhook and of Bun, and FLUXHOOK_CLAIM.",
    labels: ["version", "bun", "claim"],
    read: ({ process }) => [{ labels: process.build, value: 1 }],
  },
  {
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "User and system CPU time of this process in seconds.",
    labels: [],
    read: one(() => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000_000;
    }),
  },
  {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Resident memory of this process in bytes.",
    labels: [],
    read: one(() => process.memoryUsage.rss()),
  },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "When this process started, in Unix seconds.",
    labels: [],
    read: one(() => Math.round(STARTED_AT_MS / 1_000)),
  },
  {
    name: "process_open_fds",
    type: "gauge",
    help: "Open file descriptors of this process; only on Linux.",
    labels: [],
    read: () => ifThere(() => readdirSync("/proc/self/fd").length),
  },
  {
    name: "process_max_fds",
    type: "gauge",
    help: "How many file descriptors this process may open; only on Linux.",
    labels: [],
    read: () => ifThere(() => maxFiles(readFileSync("/proc/self/limits", "utf8"))),
  },
];

const STARTED_AT_MS = Date.now() - performance.now();

function maxFiles(limits: string): number {
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.NaN);
}

/** Other systems have no /proc. */
function ifThere(read: () => number): { labels: Record<string, string>; value: number }[] {
  try {
    const value = read();
    return Number.isFinite(value) ? [{ labels: {}, value }] : [];
  } catch {
    return [];
  }
}
