// What `GET /v1/stream` sends (docs/stream.md), and what workers publish for it on `fluxhook:live`.
import { z } from "zod";
import { logEntrySchema } from "./log-entry.ts";
import type { OwnerRef } from "./owner.ts";

/** The names of the events, in the sense of server-sent events. */
export const STREAM_EVENTS = [
  "hello",
  "attempt",
  "execution",
  "second",
  "alert",
  "stats",
  "series",
  "dropped",
  "skipped",
  "valkey",
  "bye",
] as const;

export type StreamEvent = (typeof STREAM_EVENTS)[number];

export const liveAttemptSchema = logEntrySchema
  .extend({ user_id: z.string().optional(), org_id: z.string().optional() })
  .describe("an entry of the owner's log, and the owner")
  .meta({ id: "LiveAttempt" });

export type LiveAttempt = z.infer<typeof liveAttemptSchema>;

/** The attempts of one process within a tenth of a second. */
export interface LiveBatch {
  /** How many attempts there were; of a busy process only some are in `attempts`. */
  counts: LiveCounts;
  attempts: readonly LiveAttempt[];
}

export interface LiveCounts {
  delivered: number;
  retry: number;
  parked: number;
}

export const NO_COUNTS: Readonly<LiveCounts> = { delivered: 0, retry: 0, parked: 0 };

/** Up to this many attempts, and as many executions, are published by one process in one second. */
export const MAX_LIVE_PER_SECOND = 200;

/** Why the service ends a stream. */
export const BYE_REASONS = ["time", "stopping", "token", "stalled"] as const;
export type ByeReason = (typeof BYE_REASONS)[number];

export const STREAM_OUTCOMES = ["delivered", "retry", "parked", "failed"] as const;
export type StreamOutcome = (typeof STREAM_OUTCOMES)[number];

/** Returns whether an attempt has this outcome; `failed` is `retry` or `parked`. */
export function hasOutcome(attempt: { outcome: string }, wanted: StreamOutcome): boolean {
  return wanted === "failed" ? attempt.outcome !== "delivered" : attempt.outcome === wanted;
}

export function ownerFields(owner: OwnerRef): { user_id?: string; org_id?: string } {
  const id = owner.slice(owner.indexOf(":") + 1);
  return owner.startsWith("user:") ? { user_id: id } : { org_id: id };
}

/** One line of counts, then one line for each attempt: a line that cannot be read costs no other. */
export function liveText(counts: LiveCounts, attempts: readonly string[]): string {
  return [JSON.stringify(counts), ...attempts].join("\n");
}

/** Reads what a worker has published. Any program may publish on the channel: what is no attempt is left out. */
export function readLive(text: string): LiveBatch {
  const [first = "", ...lines] = text.split("\n");
  return {
    counts: countsIn(parsed(first)),
    attempts: lines.map(parsed).filter((value): value is LiveAttempt => isAttempt(value)),
  };
}

function countsIn(value: unknown): LiveCounts {
  const found = (value ?? {}) as Partial<Record<keyof LiveCounts, unknown>>;
  const count = (name: keyof LiveCounts) => {
    const one = found[name];
    return typeof one === "number" && one > 0 && Number.isSafeInteger(one) ? one : 0;
  };
  return { delivered: count("delivered"), retry: count("retry"), parked: count("parked") };
}

function isAttempt(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { delivery_id, webhook_id, outcome, event } = value as Record<string, unknown>;
  return [delivery_id, webhook_id, outcome, event].every(
    (one) => typeof one === "string" && one !== "",
  );
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
