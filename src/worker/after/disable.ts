// When a webhook is disabled by itself (DESIGN §2.4): 410 at once, else by its rule. What comes for
// it afterwards is kept as parked.
import type { HealthChange, HealthState } from "../../valkey/webhooks/health-store.ts";
import type { WebhookStore } from "../../valkey/webhooks/webhook-store.ts";
import { parseDuration } from "../../wire/duration.ts";
import type { DisableRule } from "../../wire/webhook.ts";
import type { Alerter } from "./alerts.ts";
import { registerWebhook } from "../webhooks/prepared-webhook.ts";
import type { WorkerLog } from "../../worker-log.ts";

/** `failing_for` needs this many failures too: a webhook that hears little is not judged by two. */
const LEAST_FAILURES = 10;
/** A success after so many failures in a row is told as a recovery. */
const RECOVERED_AFTER_FAILURES = 5;

export function ruleIsMet(rule: DisableRule | null, state: HealthState): boolean {
  if (rule === null) return false;
  if ("consecutive_failures" in rule) return state.consecutiveFailures >= rule.consecutive_failures;
  const failingForMs = parseDuration(rule.failing_for) ?? Number.POSITIVE_INFINITY;
  return state.consecutiveFailures >= LEAST_FAILURES && state.failingForMs >= failingForMs;
}

export class Disabler {
  constructor(
    private readonly options: { store: WebhookStore; alerter: Alerter; log: WorkerLog },
  ) {}

  /** Judges webhooks by what a group of attempts has come to. */
  judge(changes: readonly HealthChange[], states: readonly HealthState[]): void {
    changes.forEach(({ webhookId, succeeded }, i) => {
      const state = states[i];
      if (!state) return;
      if (succeeded && state.failuresBefore >= RECOVERED_AFTER_FAILURES) {
        this.tellRecovered(webhookId, state.failuresBefore);
      }
      if (state.consecutiveFailures > 0) this.applyRule(webhookId, state);
    });
  }

  /** 410: the receiver wants nothing more. `url` is the one that said so. */
  gone(webhookId: string, url: string): void {
    this.run(webhookId, async () => {
      const { store } = this.options;
      const result = await store.update(webhookId, (current) =>
        current.enabled && current.url === url ? disabled(current, "gone") : current,
      );
      if (result.updated?.disabled_reason === "gone") this.tellDisabled(result.updated, "gone");
    });
  }

  private applyRule(webhookId: string, state: HealthState): void {
    this.run(webhookId, async () => {
      const { store } = this.options;
      const record = await store.get(webhookId);
      if (!record?.enabled || !ruleIsMet(record.disable_rule, state)) return;
      const result = await store.update(webhookId, (current) =>
        current.enabled && ruleIsMet(current.disable_rule, state)
          ? disabled(current, "failing")
          : current,
      );
      if (result.updated?.disabled_reason === "failing") {
        this.tellDisabled(result.updated, "failing");
      }
    });
  }

  private tellDisabled(record: Parameters<typeof registerWebhook>[0], reason: string): void {
    this.options.alerter.raise("webhook.disabled", {
      webhook: registerWebhook(record),
      reason,
      message:
        reason === "gone"
          ? "its receiver answered 410 Gone; events for it are parked"
          : "it failed as often or as long as its disable rule allows; events for it are parked",
    });
  }

  private tellRecovered(webhookId: string, failures: number): void {
    this.run(webhookId, async () => {
      const record = await this.options.store.get(webhookId);
      if (!record) return;
      this.options.alerter.raise("webhook.recovered", {
        webhook: registerWebhook(record),
        message: `a delivery succeeded after ${failures} failures in a row`,
      });
    });
  }

  /** After the settlement and never waited for: the next failure judges again. */
  private run(webhookId: string, step: () => Promise<void>): void {
    step().catch((error: unknown) => {
      this.options.log.warn({ err: error, webhook_id: webhookId }, "webhook.judge_failed");
    });
  }
}

function disabled<Record extends { enabled: boolean }>(record: Record, reason: string): Record {
  return {
    ...record,
    enabled: false,
    disabled_reason: reason,
    updated_at: new Date().toISOString(),
  };
}
