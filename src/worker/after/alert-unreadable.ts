// Reports a webhook whose sealed secret or headers cannot be opened here, or whose record is damaged.
import {
  RECORD_UNREADABLE,
  SECRET_UNREADABLE,
  type Unreadable,
} from "../../valkey/webhooks/sealed-webhook.ts";
import type { WebhookRecord } from "../../wire/webhook.ts";
import type { Alerter } from "./alerts.ts";
import { prepareWebhook } from "../webhooks/prepared-webhook.ts";
import type { WorkerLog } from "../../log.ts";

const ADVICE = {
  "unknown-key": "FLUXHOOK_SECRET_KEY does not hold the key that sealed it; add that key",
  damaged: "it is no webhook's record: restore it from a backup, or delete the webhook",
  forged: "it was changed in Valkey by somebody else; rotate the secret, set the headers again",
} as const;

export function alertUnreadable(
  record: WebhookRecord,
  { field, why, keyId }: Unreadable,
  alerter: Pick<Alerter, "raise">,
  log: WorkerLog,
): void {
  const hint = ADVICE[why];
  const about = { webhook_id: record.id, field, why, key_id: keyId, hint };
  const isRecord = field === "record";
  log.error(about, isRecord ? "webhook.record_unreadable" : "webhook.secret_unreadable");
  alerter.raise("webhook.disabled", {
    webhook: prepareWebhook(record),
    reason: isRecord ? RECORD_UNREADABLE : SECRET_UNREADABLE,
    message: isRecord
      ? `what Valkey holds of it cannot be read, so its owner's events are parked for it; ${hint}`
      : `its ${field} cannot be opened, so events for it are parked; ${hint}`,
  });
}
