// A webhook as the API takes and answers it (docs/design.md §2.5): its fields keep the API's names.
import type { Webhook, WebhookPatch } from "./api-types.ts";

export type {
  SecretRotated,
  Webhook,
  WebhookCreate,
  WebhookCreated,
  WebhookPatch,
} from "./api-types.ts";

export type DialectName = Webhook["dialect"];

/** When a webhook is disabled by itself; a success resets it. */
export type DisableRule = NonNullable<Webhook["disable_rule"]>;

/** What can be set on a webhook. */
export type WebhookSettings = Required<WebhookPatch>;

/** Whose webhook it is: a user's or an organisation's; a scoped token implies it. */
export type WebhookOwner = Pick<Webhook, "user_id" | "org_id">;
