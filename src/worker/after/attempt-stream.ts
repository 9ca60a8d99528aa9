// Adds each finished attempt to the application's stream, if FLUXHOOK_ATTEMPTS_STREAM names one. Guarantee 8:
// in groups, after the settlement, bounded; what cannot be written is dropped, and the log says how many.
import type { WorkerLog } from "../../log.ts";
import { Losses } from "../../losses.ts";
import { ownerFields } from "../../wire/live.ts";
import type { FinishedAttempt } from "../job.ts";
import { logEntryOf } from "./log-entry.ts";

export interface AttemptStreamOptions {
  /** Writes attempts as JSON, the oldest first. */
  write: (attempts: readonly string[]) => Promise<void>;
  /** Called with how many attempts were lost, for a counter. */
  onDropped?: (attempts: number) => void;
  log: WorkerLog;
}

/** How long an attempt waits for others. */
const WAIT_MS = 100;
/** As many are written by one script; more are written at once, without waiting. */
const MAX_IN_SCRIPT = 256;
/** What waits for a slow Valkey: about 5 MB. */
const MAX_WAITING = 10_000;
/** At the end of the process: Valkey may be away. */
const FLUSH_LIMIT_MS = 1_000;

export class AttemptStream {
  private waiting: string[] = [];
  private writing: Promise<void> | null = null;
  private timer: Timer | null = null;
  private readonly losses: Losses;

  constructor(private readonly options: AttemptStreamOptions) {
    this.losses = new Losses(
      (attempts, err) => options.log.warn({ attempts, err }, "attempts.dropped"),
      options.onDropped,
    );
  }

  add({ job: { webhook, header, event }, deliveryId, attempt }: FinishedAttempt): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.losses.add(1);
      return;
    }
    const entry = logEntryOf({
      deliveryId,
      webhookId: webhook.record.id,
      eventId: header.id,
      eventType: event.type,
      attempt: header.attempt,
      result: attempt,
    });
    // The text at once: what waits holds neither the event's bytes nor the claim.
    this.waiting.push(JSON.stringify({ ...entry, ...ownerFields(webhook.owner) }));
    if (this.waiting.length >= MAX_IN_SCRIPT) this.write();
    else this.timer ??= setTimeout(() => this.write(), WAIT_MS);
  }

  /** Writes what waits; at the end of the process. */
  async flush(): Promise<void> {
    const until = performance.now() + FLUSH_LIMIT_MS;
    while ((this.waiting.length > 0 || this.writing) && performance.now() < until) {
      this.write();
      await this.writing;
    }
    this.losses.add(this.waiting.splice(0).length);
    this.stopTimer();
    this.losses.report(Number.POSITIVE_INFINITY);
  }

  /** One script at a time, so that the stream has the order of the attempts. */
  private write(): void {
    this.stopTimer();
    if (this.writing || this.waiting.length === 0) return;
    const group = this.waiting.splice(0, MAX_IN_SCRIPT);
    this.writing = this.options
      .write(group)
      .catch((error: unknown) => this.losses.add(group.length, error))
      .finally(() => {
        this.writing = null;
        this.losses.report(performance.now());
        if (this.waiting.length >= MAX_IN_SCRIPT) this.write();
        else if (this.waiting.length > 0) this.timer ??= setTimeout(() => this.write(), WAIT_MS);
      });
  }

  private stopTimer(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }
}
