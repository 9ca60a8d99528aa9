// Publishes attempts for `GET /v1/stream` while somebody looks, and nothing otherwise: the reply to a heartbeat
// says whether somebody does. Of many attempts it publishes a sample, failures first, so that a flood costs
// deliveries no more than a trickle.
import { liveText, MAX_LIVE_PER_SECOND, NO_COUNTS, ownerFields } from "../../wire/live.ts";
import type { LogEntry } from "../../wire/log-entry.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { FinishedAttempt } from "../job.ts";
import { logEntryOf } from "./log-entry.ts";

export interface LiveFeedOptions {
  /** Publishes to all processes. What cannot be published is dropped: guarantee 8. */
  publish: (text: string) => Promise<unknown>;
}

const TICK_MS = 100;
const TICKS_PER_SECOND = 10;
/** Of a flood: as many failures, and as many successes. */
const MAX_OF_A_FLOOD = MAX_LIVE_PER_SECOND / 2;
/** What waits for a slow Valkey. */
const MAX_WAITING = 2 * MAX_LIVE_PER_SECOND;

export class LiveFeed {
  isWatched = false;
  private timer: Timer | null = null;
  private ticks = 0;
  private isPublishing = false;
  /** Since the last message. */
  private counts = { ...NO_COUNTS };
  private lines: string[] = [];
  /** In this second. */
  private failures = 0;
  private successes = 0;
  private shown = 0;
  private shownSuccesses = 0;
  /** If the second before had more than can be shown: one success in this many is. */
  private step: number | null = null;

  constructor(private readonly options: LiveFeedOptions) {}

  /** Starts or ends publishing. */
  watch(isWatched: boolean): void {
    if (isWatched === this.isWatched) return;
    this.isWatched = isWatched;
    if (this.timer) clearInterval(this.timer);
    this.timer = isWatched ? setInterval(() => this.tick(), TICK_MS) : null;
    this.counts = { ...NO_COUNTS };
    this.lines = [];
    this.failures = 0;
    this.successes = 0;
    this.startSecond();
  }

  /** Call it only while `isWatched`: for the attempts of a flood that is not looked at, even a call is too much. */
  add({ job: { webhook, header, event }, deliveryId, attempt }: FinishedAttempt): void {
    const { outcome } = attempt.outcome;
    this.counts[outcome] += 1;
    if (!this.isShown(outcome === "delivered")) return;
    const entry = logEntryOf({
      deliveryId,
      webhookId: webhook.record.id,
      eventId: header.id,
      eventType: event.type,
      attempt: header.attempt,
      result: attempt,
    });
    this.lines.push(JSON.stringify({ ...entry, ...ownerFields(webhook.owner) }));
  }

  /** Adds a test of a webhook, which is no delivery and is not counted. */
  addTest(owner: OwnerRef, entry: LogEntry): void {
    if (this.isWatched) this.lines.push(JSON.stringify({ ...entry, ...ownerFields(owner) }));
  }

  private isShown(isSuccess: boolean): boolean {
    if (isSuccess) this.successes += 1;
    else this.failures += 1;
    if (this.lines.length >= MAX_WAITING || this.shown >= MAX_LIVE_PER_SECOND) return false;
    if (this.step !== null) {
      if (!isSuccess && this.failures > MAX_OF_A_FLOOD) return false;
      const isPassed = this.successes % this.step !== 0 || this.shownSuccesses >= MAX_OF_A_FLOOD;
      if (isSuccess && isPassed) return false;
    }
    this.shown += 1;
    if (isSuccess) this.shownSuccesses += 1;
    return true;
  }

  /** Publishes what came since the last call; by itself it is called each tenth of a second. */
  tick(): void {
    this.ticks += 1;
    if (this.ticks >= TICKS_PER_SECOND) this.startSecond();
    const { delivered, retry, parked } = this.counts;
    if (this.isPublishing || (this.lines.length === 0 && delivered + retry + parked === 0)) return;
    const text = liveText(this.counts, this.lines);
    this.counts = { ...NO_COUNTS };
    this.lines = [];
    this.isPublishing = true;
    this.options
      .publish(text)
      .catch(() => {
        // Valkey is away. The link reports it, and the owners' logs have what is worth keeping.
      })
      .finally(() => (this.isPublishing = false));
  }

  private startSecond(): void {
    this.ticks = 0;
    const isFlood = this.failures + this.successes > MAX_LIVE_PER_SECOND;
    this.step = isFlood ? Math.max(1, Math.ceil(this.successes / MAX_OF_A_FLOOD)) : null;
    this.failures = 0;
    this.successes = 0;
    this.shown = 0;
    this.shownSuccesses = 0;
  }
}
