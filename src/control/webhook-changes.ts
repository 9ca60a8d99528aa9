// What creating, patching, enabling and disabling make of a webhook's record. Pure.
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

/** The `disabled_reason` of a webhook that its user has disabled. */
export const BY_USER = "manual";

export function newWebhook(
  input: WebhookCreate,
  made: {
    id: string;
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
    disabled_reason: input.enabled ? null : BY_USER,
    // With null the user chose to have no rule; undefined means that the user chose nothing.
    disable_rule: input.disable_rule === undefined ? made.dialect.disableRule : input.disable_rule,
    timeout_ms: input.timeout_ms ?? made.dialect.timeoutMs,
    retry_schedule: input.retry_schedule ?? [...schedule],
    created_at: made.at,
    updated_at: made.at,
    secrets: [{ secret: secret ?? made.secret, expires_at: null }],
  };
}

/** A new dialect leaves time-out, schedule and disable rule as they are: they may be the user's. */
export function applyPatch(current: WebhookRecord, patch: WebhookPatch, at: string): WebhookRecord {
  const next = { ...current, ...patch, updated_at: at };
  if (next.enabled) return { ...next, disabled_reason: null };
  // A webhook that was disabled before keeps its reason.
  return { ...next, disabled_reason: current.enabled ? BY_USER : current.disabled_reason };
}

export function enable(current: WebhookRecord, at: string): WebhookRecord {
  return { ...current, enabled: true, disabled_reason: null, updated_at: at };
}

export function disable(current: WebhookRecord, reason: string, at: string): WebhookRecord {
  return { ...current, enabled: false, disabled_reason: reason, updated_at: at };
}

/** Guarantee 9: the public form of a webhook holds no secret. */
export function toPublic(record: WebhookRecord, health: WebhookHealth): Webhook {
  const { secrets: _secrets, ...rest } = record;
  return { ...rest, health };
}
