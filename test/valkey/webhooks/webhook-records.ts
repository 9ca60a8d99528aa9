// Webhook records for tests of the stores and the worker.
import type { WebhookRecord } from "../../../src/wire/webhook.ts";

let made = 0;

/** Returns a webhook of `u_1` for all events, with a new `id` and `url`. */
export function webhookRecord(fields: Partial<WebhookRecord> = {}): WebhookRecord {
  made += 1;
  const owner = fields.org_id === undefined ? { user_id: "u_1" } : {};
  return {
    id: `wh_${made}`,
    ...owner,
    url: `http://127.0.0.1:9/${made}`,
    events: ["*"],
    dialect: "fluxdrop",
    filter: null,
    description: "",
    headers: {},
    enabled: true,
    disabled_reason: null,
    disable_rule: null,
    timeout_ms: 10_000,
    retry_schedule: ["0s", "1m"],
    created_at: new Date(Date.UTC(2026, 0, 1) + made * 1000).toISOString(),
    updated_at: "2026-01-01T00:00:00.000Z",
    secrets: [{ secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", expires_at: null }],
    ...fields,
  };
}
