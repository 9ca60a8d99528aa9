// The temporary webhook of a session of `fluxhook listen`: its deliveries go to the session's client.
import { listenUrl } from "../wire/tunnel.ts";
import {
  MAX_TIMEOUT_MS,
  webhookCreateSchema,
  type WebhookCreate,
  type WebhookRecord,
} from "../wire/webhook.ts";

/** What the user of a session chooses. */
export type TemporaryWebhookInput = Pick<
  WebhookCreate,
  "user_id" | "org_id" | "events" | "dialect"
>;

export function temporaryWebhook(input: TemporaryWebhookInput, session: string): WebhookCreate {
  return {
    // The schema fills in the defaults; it does not accept the scheme of a session's url.
    ...webhookCreateSchema.parse({ ...input, url: "https://temporary.invalid" }),
    url: listenUrl(session),
    description: "fluxhook listen",
    // A receiver under development fails often and for long.
    disable_rule: null,
    timeout_ms: MAX_TIMEOUT_MS,
  };
}

/** False once its user has given it another url: then it is no longer temporary. */
export function isTemporaryOf(record: WebhookRecord, session: string): boolean {
  return record.url === listenUrl(session);
}
