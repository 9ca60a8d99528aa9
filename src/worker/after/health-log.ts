// What attempts say about the health of their webhooks, until it is written: failures soon, for they may disable a
// webhook; successes of a webhook that did not fail before late, for they only change a time.
import type { HealthChange, HealthStore } from "../../valkey/webhooks/health-store.ts";
import type { WebhookId } from "../../wire/ids.ts";
import type { Disabler } from "./disable.ts";
import { dueAt, takeDue, type Waiting } from "./take-due.ts";

const CHANGES_WAIT_MS = 100;
const SUCCESSES_WAIT_MS = 4_000;
/** Webhooks. */
const MAX_WAITING = 10_000;

interface WaitingHealth extends Waiting {
  change: HealthChange;
}

export class HealthLog {
  // Each in the order in which it began to wait.
  private readonly successes = new Map<WebhookId, WaitingHealth>();
  /** With failures, and the first success after one. */
  private readonly changes = new Map<WebhookId, WaitingHealth>();
  /** Webhooks whose last attempt of this process failed. */
  private readonly failing = new Set<WebhookId>();

  constructor(
    private readonly store: HealthStore,
    private readonly disabler: Pick<Disabler, "apply">,
  ) {}

  /** Webhooks that wait. */
  get size(): number {
    return this.successes.size + this.changes.size;
  }

  /** When the first of them is due; infinity where none waits. */
  get dueAtMs(): number {
    return Math.min(
      dueAt(this.changes, CHANGES_WAIT_MS),
      dueAt(this.successes, this.successesWaitMs),
    );
  }

  private get successesWaitMs(): number {
    return this.successes.size > MAX_WAITING ? 0 : SUCCESSES_WAIT_MS;
  }

  /** Returns when it is due where it has just begun to wait; infinity where its webhook waited already. */
  add(webhookId: WebhookId, health: "success" | "failure", nowMs: number): number {
    let dueAtMs = Number.POSITIVE_INFINITY;
    let waiting = this.changes.get(webhookId) ?? this.successes.get(webhookId);
    if (!waiting) {
      const change = { webhookId, failures: 0, succeeded: false, failed: false };
      waiting = { sinceMs: nowMs, change };
      this.successes.set(webhookId, waiting);
      dueAtMs = nowMs + SUCCESSES_WAIT_MS;
    }
    const { change } = waiting;
    let isNews: boolean;
    if (health === "success") {
      change.succeeded = true;
      change.failures = 0;
      isNews = this.failing.delete(webhookId);
    } else {
      change.failures += 1;
      isNews = !change.failed;
      change.failed = true;
      if (this.failing.size < MAX_WAITING) this.failing.add(webhookId);
    }
    if (!isNews || !this.successes.delete(webhookId)) return dueAtMs;
    this.changes.set(webhookId, { sinceMs: nowMs, change });
    return nowMs + CHANGES_WAIT_MS;
  }

  /** Takes what is due by `nowMs`, as much as fits into one script. */
  takeDue(nowMs: number): HealthChange[] {
    const changes = takeDue(this.changes, nowMs, CHANGES_WAIT_MS);
    const due = changes.length > 0 ? changes : takeDue(this.successes, nowMs, this.successesWaitMs);
    return due.map(([, { change }]) => change);
  }

  /** Writes it, and disables the webhooks whose rule says so. Returns the keys that could not be written. */
  async write(changes: readonly HealthChange[]): Promise<string[]> {
    const states = await this.store.add(changes);
    this.disabler.apply(
      changes.filter((_, at) => states[at] !== null),
      states.filter((state) => state !== null),
    );
    const unwritten = changes.filter((_, at) => states[at] === null);
    return unwritten.map(({ webhookId }) => this.store.keyOf(webhookId));
  }
}
