// The changes of a webhook's record: create, patch, enable, disable. Pure functions, which the API and the
// worker share.
import type { WebhookId } from "../wire/ids.ts";
import type { Dialect } from "../wire/dialects/dialect.ts";
import { formatDuration } from "../wire/duration.ts";
import type {
  Webhook,
  WebhookCreate,
  WebhookHealth,
  WebhookPatch,
  WebhookRecord,
} from "../wire/webhook.ts";

export const NO_HEALTH: WebhookHealth = {
  last_success_at: null,
  last_failure_at: null,
  consecutive_failures: 0,
};

/**
 * The `disabled_reason` that a change can set: its user disabled the webhook, its receiver answered 410
 * Gone, or it failed for as often or as long as its disable rule allows.
 */
export type DisableReason = "manual" | "gone" | "failing";

const MANUAL: DisableReason = "manual";

export function newWebhook(
  input: WebhookCreate,
  made: {
    id: WebhookId;
    secret: string;
    at: string;
    dialect: Dialect;
    retrySchedule?: readonly string[];
  },
): WebhookRecord {
  const { secret, ...given } = input;
  const schedule = made.retrySchedule ?? made.dialect.retryScheduleMs.map(formatDuration);
  return {
    id: made.id,
    ...given,
    disabled_reason: input.enabled ? null : MANUAL,
    // null: the user chose to have no rule. undefined: the user chose nothing.
    disable_rule: input.disable_rule === undefined ? made.dialect.disableRule : input.disable_rule,
    timeout_ms: input.timeout_ms ?? made.dialect.timeoutMs,
    retry_schedule: input.retry_schedule ?? [...schedule],
    created_at: made.at,
    updated_at: made.at,
    secrets: [{ secret: secret ?? made.secret, expires_at: null }],
  };
}

/**
 * A new dialect leaves the timeout, the schedule and the disable rule unchanged: the user may have chosen
 * them.
 */
export function applyPatch(current: WebhookRecord, patch: WebhookPatch, at: string): WebhookRecord {
  const next = { ...current, ...patch, updated_at: at };
  if (next.enabled) return { ...next, disabled_reason: null };
  // A webhook that was disabled before the patch keeps its reason.
  return { ...next, disabled_reason: current.enabled ? MANUAL : current.disabled_reason };
}

export function enable(current: WebhookRecord, at: string): WebhookRecord {
  return { ...current, enabled: true, disabled_reason: null, updated_at: at };
}

export function disable(current: WebhookRecord, reason: DisableReason, at: string): WebhookRecord {
  return { ...current, enabled: false, disabled_reason: reason, updated_at: at };
}

/** Returns what the API shows of a webhook: no secret (guarantee 9). */
export function toPublic(record: WebhookRecord, health: WebhookHealth): Webhook {
  const { secrets: _secrets, ...rest } = record;
  return { ...rest, health };
}
