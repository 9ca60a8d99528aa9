// Keeps the last failed attempts of each webhook apart from the log of its owner, whose next successes would
// push them out. Guarantee 8: they are written after the settlement, in groups, and may fail without consequence.
import type { FailureStore, FailureToStore } from "../../valkey/history/failure-store.ts";
import type { WebhookId } from "../../wire/ids.ts";
import type { WorkerLog } from "../../log.ts";
import type { Counters } from "../../stats/counters.ts";

export interface FailedAttempt {
  /** The names of the owner's deliveries begin with it. */
  tag: string;
  webhookId: WebhookId;
  /** Called for those that are written. */
  toFailure: () => FailureToStore;
  /** It waits for this, which never rejects. Null: for nothing. */
  waitFor: Promise<unknown> | null;
}

export interface FailureLoggerOptions {
  store: Pick<FailureStore, "add">;
  /** Attempts of each webhook that are kept. */
  size: number;
  log: WorkerLog;
  counters?: Pick<Counters, "logEntriesDropped">;
}

/** How long a failed attempt waits for others. */
const WAIT_MS = 100;
/** Owners in one script: each may send `size` attempts for each of its webhooks. */
const MAX_OWNERS_IN_SCRIPT = 8;
/** Webhooks that wait, and attempts whose answer is still read. */
const MAX_WAITING = 10_000;
const MAX_KEYS_LOGGED = 5;

type OfWebhooks = Map<WebhookId, FailedAttempt[]>;

export class FailureLogger {
  private waiting = new Map<string, OfWebhooks>();
  private webhooksWaiting = 0;
  private readonly incomplete = new Set<FailedAttempt>();
  private timer: Timer | null = null;
  private writing: Promise<void> | null = null;
  private dropped = 0;

  constructor(private readonly options: FailureLoggerOptions) {}

  add(failed: FailedAttempt): void {
    const { waitFor } = failed;
    if (waitFor === null || this.incomplete.size >= MAX_WAITING) {
      this.addComplete(failed);
      return;
    }
    this.incomplete.add(failed);
    void waitFor.then(() => {
      if (this.incomplete.delete(failed)) this.addComplete(failed);
    });
  }

  /** Writes everything; at the end of the process. */
  async flush(): Promise<void> {
    for (const failed of this.incomplete) this.addComplete(failed);
    this.incomplete.clear();
    do await this.write();
    while (this.waiting.size > 0);
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  private addComplete(failed: FailedAttempt): void {
    const { tag, webhookId } = failed;
    const ofWebhook = this.waiting.get(tag)?.get(webhookId);
    if (ofWebhook) {
      ofWebhook.push(failed);
      // Twice as many as are kept spares moving them each time.
      if (ofWebhook.length > this.options.size * 2) ofWebhook.splice(0, this.options.size);
    } else if (this.webhooksWaiting >= MAX_WAITING) {
      this.dropped += 1;
    } else {
      const ofOwner: OfWebhooks = this.waiting.get(tag) ?? new Map();
      this.waiting.set(tag, ofOwner.set(webhookId, [failed]));
      this.webhooksWaiting += 1;
    }
    this.timer ??= setTimeout(() => void this.write(), WAIT_MS);
  }

  /** One group after the other: what Valkey does not take in time waits, and only its last ones are kept. */
  private write(): Promise<void> {
    this.writing ??= this.writeWaiting().finally(() => {
      this.writing = null;
      this.timer = this.waiting.size > 0 ? setTimeout(() => void this.write(), WAIT_MS) : null;
    });
    return this.writing;
  }

  private async writeWaiting(): Promise<void> {
    const all = [...this.waiting];
    this.waiting = new Map();
    this.webhooksWaiting = 0;
    for (let i = 0; i < all.length; i += MAX_OWNERS_IN_SCRIPT) {
      await this.writeGroup(all.slice(i, i + MAX_OWNERS_IN_SCRIPT));
    }
    if (this.dropped > 0) {
      this.options.log.warn({ attempts: this.dropped }, "failures.dropped");
      this.count(this.dropped);
    }
    this.dropped = 0;
  }

  private async writeGroup(group: readonly [string, OfWebhooks][]): Promise<void> {
    const { store, size, log } = this.options;
    try {
      const unwritten = await store.add(
        group.map(([tag, ofOwner]) => ({
          tag,
          failures: [...ofOwner.values()].flatMap((failed) =>
            failed.slice(-size).map(({ toFailure }) => toFailure()),
          ),
        })),
      );
      if (unwritten.length === 0) return;
      const keys = unwritten.slice(0, MAX_KEYS_LOGGED);
      log.warn({ owners: unwritten.length, keys }, "failures.dropped");
      this.count(unwritten.length);
    } catch (error) {
      log.warn({ err: error, owners: group.length }, "failures.dropped");
      this.count(group.length);
    }
  }

  private count(dropped: number): void {
    const { counters } = this.options;
    if (counters) counters.logEntriesDropped += dropped;
  }
}
