// What an operator hears of a webhook whose sealed secret or headers cannot be opened here.
import { SECRET_UNREADABLE, type Unreadable } from "../valkey/sealed-webhook.ts";
import type { WebhookRecord } from "../wire/webhook.ts";
import type { Alerter } from "./alert.ts";
import { registerWebhook } from "./registered-webhook.ts";
import type { WorkerLog } from "./worker-log.ts";

const ADVICE = {
  "unknown-key": "FLUXHOOK_SECRET_KEY does not hold the key that sealed it; add that key",
  forged: "it was changed in Valkey by somebody else; rotate the secret, set the headers anew",
} as const;

export function tellUnreadable(
  record: WebhookRecord,
  { field, why, keyId }: Unreadable,
  alerter: Alerter,
  log: WorkerLog,
): void {
  const hint = ADVICE[why];
  const about = { webhook_id: record.id, field, why, key_id: keyId, hint };
  log.error(about, "webhook.secret_unreadable");
  alerter.raise("webhook.disabled", {
    webhook: registerWebhook(record),
    reason: SECRET_UNREADABLE,
    message: `its ${field} cannot be opened, so events for it are parked; ${hint}`,
  });
}
