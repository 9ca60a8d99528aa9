// Checks if the lists and the schedule are consumed, and how close the parked and rejected lists are to their caps.
import type { Settings } from "../../config/settings.ts";
import { queueKeys, sharedKeys } from "../../valkey/keys.ts";
import { LEASE_MS } from "../../worker/settle/heartbeat.ts";
import { formatDuration } from "../../wire/duration.ts";
import { readElement } from "../../wire/event.ts";
import { asksValkey, ok, problem, together, warning, type Check, type Finding } from "./check.ts";
import type { ValkeyUp } from "./valkey-state.ts";

const NEAR_SHARE = 0.8;
/** Time between two looks at a list. A worker claims far more often. */
const LOOK_AGAIN_MS = 1_000;
/** Retries run up to 10 % late, never by minutes. */
const OVERDUE_MS = 60_000;

export const backlogChecks: Check[] = [
  {
    name: "backlog",
    reads: ["QUEUE", "PREFIX", "ALERT_AGE", "CLAIM", "MAX_EVENT_BYTES"],
    look: asksValkey(async (valkey, { settings }) =>
      together(
        await Promise.all(settings.QUEUE.map((queue) => checkQueue(valkey, queue, settings))),
      ),
    ),
  },
  {
    name: "parked",
    reads: ["QUEUE", "PREFIX", "PARKED_MAX", "PARKED_MAX_BYTES"],
    look: asksValkey(async ({ link }, { settings }) => {
      const findings = settings.QUEUE.map(async (queue) => {
        const keys = queueKeys(queue);
        const [count, bytes] = await link.run((client) =>
          Promise.all([client.zcard(keys.parked), client.hget(keys.stats, "parked_bytes")]),
        );
        return checkCap(
          `${queue}: ${count} parked`,
          Math.max(count / settings.PARKED_MAX, Number(bytes ?? 0) / settings.PARKED_MAX_BYTES),
          "redeliver them (POST /v1/parked/redeliver), or the oldest fall out",
        );
      });
      return together(await Promise.all(findings));
    }),
  },
  {
    name: "rejected",
    reads: ["PREFIX", "REJECTED_MAX"],
    look: asksValkey(async ({ link }, { settings }) => {
      const { rejected } = sharedKeys(settings.PREFIX);
      const count = await link.run((client) => client.llen(rejected));
      return checkCap(
        `${count} rejected`,
        count / settings.REJECTED_MAX,
        "see why (GET /v1/rejected): a producer sends what is no event",
      );
    }),
  },
];

export function checkCap(found: string, share: number, advice: string): Finding {
  return share >= NEAR_SHARE
    ? warning(`${found}, ${Math.round(share * 100)} % of the cap`, advice)
    : ok(found);
}

interface QueueLook {
  queue: string;
  waiting: number;
  /** Number of elements ever taken from the list. */
  taken: number;
  workers: number;
  overdueMs: number;
  /** From the timestamp of the oldest event; null if it has none. */
  oldestMs: number | null;
}

async function checkQueue(valkey: ValkeyUp, queue: string, settings: Settings): Promise<Finding> {
  const type = await valkey.link.run((client) => client.type(queue));
  if (type !== "list" && type !== "none") {
    return problem(
      `${queue} holds a ${type}, not a list`,
      "nothing is taken from it: name another list in FLUXHOOK_QUEUE, or delete that key",
    );
  }
  const first = await lookAt(valkey, queue, settings);
  if (first.waiting === 0 || first.workers === 0) return queueFinding(first, 0, settings.ALERT_AGE);
  await Bun.sleep(LOOK_AGAIN_MS);
  const second = await lookAt(valkey, queue, settings);
  return queueFinding(second, second.taken - first.taken, settings.ALERT_AGE);
}

async function lookAt({ link }: ValkeyUp, queue: string, settings: Settings): Promise<QueueLook> {
  const keys = queueKeys(queue);
  // The worker takes from the other end.
  const oldestAt = settings.CLAIM === "safe" ? -1 : 0;
  const [time, waiting, taken, beats, due, oldest] = await link.run((client) =>
    Promise.all([
      client.time(),
      client.llen(queue),
      client.hget(keys.stats, "taken"),
      client.zrange(keys.workers, 0, -1, "WITHSCORES"),
      client.zrange(keys.schedule, 0, 0, "WITHSCORES"),
      client.lindexBuffer(queue, oldestAt),
    ]),
  );
  const nowMs = Number(time[0]) * 1_000;
  const lastBeats = beats.filter((_, i) => i % 2 === 1).map(Number);
  const happenedAt = oldest && timestampOf(oldest, settings.MAX_EVENT_BYTES);
  return {
    queue,
    waiting,
    taken: Number(taken ?? 0),
    workers: lastBeats.filter((at) => nowMs - at < LEASE_MS).length,
    overdueMs: due[1] === undefined ? 0 : Math.max(0, nowMs - Number(due[1])),
    oldestMs: happenedAt ? Math.max(0, nowMs - happenedAt) : null,
  };
}

function timestampOf(element: Uint8Array, maxEventBytes: number): number | null {
  const reading = readElement(element, { maxEventBytes, eventTypes: "open" });
  const timestamp = reading.ok ? reading.event.timestamp : undefined;
  return timestamp === undefined ? null : Date.parse(timestamp);
}

export function queueFinding(look: QueueLook, takenSince: number, alertAgeMs: number): Finding {
  const { queue, waiting, workers, overdueMs, oldestMs } = look;
  const age = oldestMs === null ? "" : `, the oldest is from ${roughly(oldestMs)} ago`;
  const found = `${queue}: ${waiting} waiting${waiting > 0 ? age : ""}, ${workers} workers`;
  const isOverdue = overdueMs > OVERDUE_MS;
  if (workers === 0) {
    return waiting > 0 || isOverdue
      ? warning(found, "start `fluxhook serve` with the same FLUXHOOK_QUEUE")
      : ok(found);
  }
  if (isOverdue) {
    return warning(
      `${found}; a retry is overdue by ${roughly(overdueMs)}`,
      "the workers have no room: raise FLUXHOOK_CONCURRENCY or start another process",
    );
  }
  if (waiting > 0 && takenSince === 0) {
    return warning(
      `${found}; none was taken within ${roughly(LOOK_AGAIN_MS)}`,
      "see the log of the workers; if they are at work, start another process",
    );
  }
  return waiting > 0 && (oldestMs ?? 0) > alertAgeMs
    ? warning(found, "the workers do not keep up: start another process")
    : ok(found);
}

/** Formats a duration in the largest suitable unit. */
function roughly(ms: number): string {
  const unitMs = UNITS_MS.find((unit) => ms >= unit * 2) ?? 1_000;
  return formatDuration(Math.round(ms / unitMs) * unitMs);
}

const UNITS_MS = [86_400_000, 3_600_000, 60_000];
