// Disables webhooks whose receivers fail (docs/design.md, "What happens to an attempt"): at once after a
// 410, else by the webhook's rule. Events that come for it afterwards are parked.
import { disable } from "../../control/webhook-changes.ts";
import type { HealthChange, HealthState } from "../../valkey/webhooks/health-store.ts";
import type { WebhookStore } from "../../valkey/webhooks/webhook-store.ts";
import { parseDuration } from "../../wire/duration.ts";
import type { DisableRule } from "../../wire/disable-rule.ts";
import type { Counters } from "../../stats/counters.ts";
import type { Alerter } from "./alerts.ts";
import { prepareWebhook } from "../webhooks/prepared-webhook.ts";
import type { WorkerLog } from "../../log.ts";
import type { WebhookId } from "../../wire/ids.ts";

/** `failing_for` needs this many failures too: two say little about a webhook that gets few events. */
const MIN_FAILURES = 10;
/** A success after this many failures in a row raises an alert of its recovery. */
const RECOVERED_AFTER_FAILURES = 5;

export function ruleIsMet(rule: DisableRule | null, state: HealthState): boolean {
  if (rule === null) return false;
  if ("consecutive_failures" in rule) return state.consecutiveFailures >= rule.consecutive_failures;
  const failingForMs = parseDuration(rule.failing_for) ?? Number.POSITIVE_INFINITY;
  return state.consecutiveFailures >= MIN_FAILURES && state.failingForMs >= failingForMs;
}

export class Disabler {
  constructor(
    private readonly options: {
      store: WebhookStore;
      alerter: Alerter;
      log: WorkerLog;
      counters?: Counters;
    },
  ) {}

  /** Applies the rules of webhooks to what a group of attempts came to. */
  apply(changes: readonly HealthChange[], states: readonly HealthState[]): void {
    changes.forEach(({ webhookId, succeeded }, i) => {
      const state = states[i];
      if (!state) return;
      if (succeeded && state.failuresBefore >= RECOVERED_AFTER_FAILURES) {
        this.alertRecovered(webhookId, state.failuresBefore);
      }
      if (state.consecutiveFailures > 0) this.applyRule(webhookId, state);
    });
  }

  /** 410: the receiver wants no more events. `url` is the one that answered so. */
  gone(webhookId: WebhookId, url: string): void {
    this.run(webhookId, async () => {
      const { store } = this.options;
      const result = await store.update(webhookId, (current) =>
        current.enabled && current.url === url ? disable(current, "gone", now()) : current,
      );
      if (result.updated?.disabled_reason === "gone") this.alertDisabled(result.updated, "gone");
    });
  }

  private applyRule(webhookId: WebhookId, state: HealthState): void {
    this.run(webhookId, async () => {
      const { store } = this.options;
      const record = await store.get(webhookId);
      if (!record?.enabled || !ruleIsMet(record.disable_rule, state)) return;
      const result = await store.update(webhookId, (current) =>
        current.enabled && ruleIsMet(current.disable_rule, state)
          ? disable(current, "failing", now())
          : current,
      );
      if (result.updated?.disabled_reason === "failing") {
        this.alertDisabled(result.updated, "failing");
      }
    });
  }

  private alertDisabled(record: Parameters<typeof prepareWebhook>[0], reason: string): void {
    this.options.counters?.disabled.add([reason]);
    this.options.alerter.raise("webhook.disabled", {
      webhook: prepareWebhook(record),
      reason,
      message:
        reason === "gone"
          ? "its receiver answered 410 Gone; events for it are parked"
          : "it failed as often or as long as its disable rule allows; events for it are parked",
    });
  }

  private alertRecovered(webhookId: WebhookId, failures: number): void {
    this.run(webhookId, async () => {
      const record = await this.options.store.get(webhookId);
      if (!record) return;
      this.options.alerter.raise("webhook.recovered", {
        webhook: prepareWebhook(record),
        message: `a delivery succeeded after ${failures} failures in a row`,
      });
    });
  }

  /** Never waited for: if it fails, the next failure of the webhook applies the rule again. */
  private run(webhookId: WebhookId, step: () => Promise<void>): void {
    step().catch((error: unknown) => {
      this.options.log.warn({ err: error, webhook_id: webhookId }, "webhook.disable_failed");
    });
  }
}

function now(): string {
  return new Date().toISOString();
}
