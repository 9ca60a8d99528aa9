// A webhook in requests and answers of the API (docs/design.md §2.5), with the API's field names.
import type { Webhook, WebhookPatch } from "./api-types.ts";

export type {
  FailedAttempt,
  SecretRotated,
  Webhook,
  WebhookCreate,
  WebhookCreated,
  WebhookPatch,
} from "./api-types.ts";

export type DialectName = Webhook["dialect"];

/** When Fluxhook disables a webhook; a success resets the count. */
export type DisableRule = NonNullable<Webhook["disable_rule"]>;

/** The fields of a webhook that can be set. */
export type WebhookSettings = Required<WebhookPatch>;

/** The owner of a webhook: a user or an organisation. A scoped token implies it. */
export type WebhookOwner = Pick<Webhook, "user_id" | "org_id">;
