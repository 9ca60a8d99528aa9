// A webhook as the API takes and answers it (DESIGN §2.5): its fields keep the API's names.

export type DialectName = "fluxdrop" | "fluxdesk" | "flux" | "standard";

/** When a webhook is disabled by itself; a success resets it. */
export type DisableRule =
  | { consecutive_failures: number }
  /** A duration such as `5d`. */
  | { failing_for: string };

/** What can be set on a webhook. */
export interface WebhookSettings {
  /** `https://…`; private addresses are refused unless the service's settings allow them. */
  url: string;
  /** Exact types, `file.*` (any depth below) and `*`, which is the default. */
  events: string[];
  /** `fluxdrop` unless given. */
  dialect: DialectName;
  description: string;
  /** Sent with every request to this webhook. */
  headers: Record<string, string>;
  enabled: boolean;
  /** Null: it is never disabled by itself. */
  disable_rule: DisableRule | null;
  /** For a whole attempt, in milliseconds; 100 to 30,000. */
  timeout_ms: number;
  /** The delay before each attempt, such as `["0s", "1m", "5m"]`. */
  retry_schedule: string[];
}

/** Whose webhook it is: a user's or an organisation's; a scoped token implies it. */
export interface WebhookOwner {
  user_id?: string;
  org_id?: string;
}

export interface WebhookCreate extends WebhookOwner, Partial<WebhookSettings> {
  url: string;
  /** One of your own, 16 to 128 printable ASCII characters; made where it is missing. */
  secret?: string;
}

export type WebhookPatch = Partial<WebhookSettings>;

export interface Webhook extends WebhookOwner, WebhookSettings {
  /** `wh_…` */
  id: string;
  /** Why it is disabled: `manual`, `gone`, `failing`, …; null where it is not. */
  disabled_reason: string | null;
  /** RFC 3339. */
  created_at: string;
  /** RFC 3339. */
  updated_at: string;
  health: {
    /** RFC 3339, or null for never. */
    last_success_at: string | null;
    /** RFC 3339, or null for never. */
    last_failure_at: string | null;
    consecutive_failures: number;
  };
}

export interface WebhookCreated extends Webhook {
  /** Signs every request to this webhook; `revealSecret` shows it again. */
  secret: string;
}

export interface SecretRotated {
  /** Signs from now on. */
  secret: string;
  /** RFC 3339: until then the one before it signs too; null where none is left. */
  previous_expires_at: string | null;
}
