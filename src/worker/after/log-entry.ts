// Makes the entry of the owner's log from an attempt, of a delivery or of a test.
import type { Attempt } from "../../delivery/deliver.ts";
import type { DeliveryId, WebhookId } from "../../wire/ids.ts";
import type { LogEntry } from "../../wire/log-entry.ts";

export interface Attempted {
  deliveryId: DeliveryId;
  webhookId: WebhookId;
  eventId: string;
  eventType: string;
  /** 1 for the first. */
  attempt: number;
  result: Attempt;
}

export function logEntryOf(attempted: Attempted): LogEntry {
  const { outcome, startedAtMs, durationMs, endpoint, redirectHost } = attempted.result;
  return {
    delivery_id: attempted.deliveryId,
    webhook_id: attempted.webhookId,
    id: attempted.eventId,
    endpoint,
    event: attempted.eventType,
    status_code: outcome.statusCode,
    duration_ms: Math.round(durationMs),
    attempt: attempted.attempt,
    outcome: outcome.outcome,
    reason: outcome.reason,
    ...(redirectHost === null ? {} : { redirect_host: redirectHost }),
    next_attempt_at:
      outcome.outcome === "retry"
        ? new Date(startedAtMs + durationMs + outcome.delayMs).toISOString()
        : null,
    timestamp: new Date(startedAtMs).toISOString(),
  };
}
