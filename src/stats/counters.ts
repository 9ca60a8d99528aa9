// What one process has counted since it started: the source of `GET /metrics` and of the series. To count is an
// addition in memory. No label names a user, an URL or a webhook.
import type { DialectName } from "../wire/dialects/registry.ts";
import { AttemptCounts, OUTCOMES, type CountedOutcome } from "./attempt-counts.ts";
import { AGE_BOUNDS, ATTEMPT_BOUNDS, HTTP_BOUNDS, VALKEY_BOUNDS, WAIT_BOUNDS } from "./bounds.ts";
import { eventTimeMs } from "./event-age.ts";
import { Histogram } from "./histogram.ts";
import { LabelCounts } from "./label-counts.ts";
import { SeriesWindow } from "./series-window.ts";

/** How deliveries and elements end. */
export const ENDS = [
  "delivered",
  "parked",
  "nobody",
  "filtered",
  "rejected",
  "deleted",
  "lost",
] as const;
export type End = (typeof ENDS)[number];

export const EVENT_RESULTS = ["matched", "nobody", "filtered"] as const;
export type EventResult = (typeof EVENT_RESULTS)[number];

/** The calls of a worker to Valkey. */
export const VALKEY_CALLS = ["claim", "settle", "record", "beat"] as const;
export type ValkeyCall = (typeof VALKEY_CALLS)[number];

/** Classes of requests to the API: a label for each route would be hundreds of series. */
export const HTTP_CLASSES = ["read", "write", "stream", "inbound"] as const;
export type HttpClass = (typeof HTTP_CLASSES)[number];

export interface CountedAttempt {
  outcome: CountedOutcome;
  reason: string | null;
  dialect: DialectName;
  durationMs: number;
  /** From the claim to the begin of the attempt. */
  waitMs: number;
}

export class Counters {
  readonly series = new SeriesWindow();
  readonly attempts = new AttemptCounts();
  readonly attemptSeconds = histograms(OUTCOMES, ATTEMPT_BOUNDS);
  readonly claimToAttempt = new Histogram(WAIT_BOUNDS);
  readonly eventAge = new Histogram(AGE_BOUNDS);
  readonly valkeyCalls = histograms(VALKEY_CALLS, VALKEY_BOUNDS);
  readonly httpSeconds = histograms(HTTP_CLASSES, HTTP_BOUNDS);
  readonly ends = zeros(ENDS);
  readonly events = zeros(EVENT_RESULTS);
  /** By queue. */
  readonly claimedItems = new LabelCounts();
  readonly putBack = new LabelCounts();
  readonly takenOver = new LabelCounts();
  /** By queue and reason. */
  readonly rejections = new LabelCounts();
  /** By the rule. */
  readonly disabled = new LabelCounts();
  /** By the list. */
  readonly fellOut = new LabelCounts();
  /** By kind. */
  readonly alerts = new LabelCounts();
  /** By class and class of the status. */
  readonly httpRequests = new LabelCounts();
  readonly connections = { new: 0, reused: 0 };
  redelivered = 0;
  /** Of the connection to Valkey that serves deliveries. */
  reconnects = 0;
  logEntriesDropped = 0;
  streamMessagesDropped = 0;
  /** Of the application's stream, FLUXHOOK_ATTEMPTS_STREAM. */
  streamedAttemptsDropped = 0;
  spansDropped = 0;

  constructor(queues: readonly string[] = []) {
    for (const queue of queues) {
      for (const counts of [this.claimedItems, this.putBack, this.takenOver]) counts.expect(queue);
    }
    for (const rule of ["gone", "failing"]) this.disabled.expect(rule);
    for (const list of ["parked", "rejected"]) this.fellOut.expect(list);
  }

  attempt({ outcome, reason, dialect, durationMs, waitMs }: CountedAttempt): void {
    this.attempts.add(outcome, reason, dialect);
    this.attemptSeconds[outcome].observe(durationMs / 1_000);
    this.claimToAttempt.observe(waitMs / 1_000);
    this.series.attempt(durationMs, waitMs);
  }

  /** `timestamp`: as the event's producer wrote it. */
  firstAttempt(timestamp: string, nowMs: number): void {
    const ageMs = nowMs - eventTimeMs(timestamp);
    if (Number.isFinite(ageMs)) this.eventAge.observe(Math.max(0, ageMs) / 1_000);
  }

  ended(end: End): void {
    this.ends[end] += 1;
    if (end !== "deleted" && end !== "lost") this.series.add(end);
  }

  event(result: EventResult): void {
    this.events[result] += 1;
  }

  claimed(queue: string, items: number): void {
    if (items === 0) return;
    this.claimedItems.add([queue], items);
    this.series.add("claimed", items);
  }

  valkeyCall(call: ValkeyCall, ms: number): void {
    this.valkeyCalls[call].observe(ms / 1_000);
  }

  request(httpClass: HttpClass, status: number, ms: number): void {
    this.httpRequests.add([httpClass, `${Math.floor(status / 100)}xx`]);
    this.httpSeconds[httpClass].observe(ms / 1_000);
  }
}

function histograms<Name extends string>(
  names: readonly Name[],
  bounds: readonly number[],
): Record<Name, Histogram> {
  return Object.fromEntries(names.map((name) => [name, new Histogram(bounds)])) as Record<
    Name,
    Histogram
  >;
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
