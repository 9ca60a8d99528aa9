// What the API takes and answers.
// Made by docs/generate.ts from the OpenAPI document: do not edit.

export interface Problem {
  type:
    | "urn:fluxhook:problem:bad-request"
    | "urn:fluxhook:problem:not-json"
    | "urn:fluxhook:problem:unauthorized"
    | "urn:fluxhook:problem:token-expired"
    | "urn:fluxhook:problem:read-only"
    | "urn:fluxhook:problem:not-found"
    | "urn:fluxhook:problem:method-not-allowed"
    | "urn:fluxhook:problem:duplicate-webhook"
    | "urn:fluxhook:problem:too-many-webhooks"
    | "urn:fluxhook:problem:duplicate-workflow"
    | "urn:fluxhook:problem:too-many-workflows"
    | "urn:fluxhook:problem:too-many-keys"
    | "urn:fluxhook:problem:key-reused"
    | "urn:fluxhook:problem:in-flight"
    | "urn:fluxhook:problem:wrong-state"
    | "urn:fluxhook:problem:webhook-disabled"
    | "urn:fluxhook:problem:unreadable"
    | "urn:fluxhook:problem:precondition-failed"
    | "urn:fluxhook:problem:gone"
    | "urn:fluxhook:problem:too-large"
    | "urn:fluxhook:problem:unsupported-media-type"
    | "urn:fluxhook:problem:invalid"
    | "urn:fluxhook:problem:too-deep"
    | "urn:fluxhook:problem:precondition-required"
    | "urn:fluxhook:problem:too-many-failures"
    | "urn:fluxhook:problem:too-many-sessions"
    | "urn:fluxhook:problem:too-many-tests"
    | "urn:fluxhook:problem:internal"
    | "urn:fluxhook:problem:unavailable"
    | "urn:fluxhook:problem:wrong-type"
    | "urn:fluxhook:problem:not-ready"
    | "urn:fluxhook:problem:too-many-viewers"
    | "urn:fluxhook:problem:stopping";
  title: string;
  status: number;
  detail: string;
  /** One entry for each invalid field. */
  errors?: {
    /** Dotted path; empty for the whole input. */
    field: string;
    code: string;
    message: string;
  }[];
  /** The existing webhook of a `duplicate-webhook`. */
  webhook_id?: string;
  /** For `not-ready`: the causes. */
  causes?: {
    code:
      | "stopping"
      | "valkey-unreachable"
      | "not-joined"
      | "heartbeat-failing"
      | "claim-failing"
      | "not-claiming"
      | "list-stalled"
      | "settle-failing"
      | "nothing-settled";
    /** The affected list; null for all of them. */
    queue: string | null;
    message: string;
  }[];
}

/** Its text in the body may have FLUXHOOK_MAX_EVENT_BYTES. No field may be given twice. GET /v1/event-types lists the accepted types. */
export interface Event {
  /** The user whose webhooks get it; or org_id, or both. */
  user_id?: string;
  /** The organisation's webhooks get it too. */
  org_id?: string;
  /** The event type: words joined by dots. */
  event: string;
  /** Sent exactly as it was received. */
  data: {
    [key: string]: unknown;
  };
  /** The id by which receivers detect duplicates; generated if missing. */
  id?: string;
  /** RFC 3339, a date that exists: when it happened; sent unchanged. */
  timestamp?: string;
  /** W3C trace context, forwarded as a header. */
  traceparent?: string;
}

export interface WebhookCreated {
  /** `wh_…`. */
  id: string;
  user_id?: string;
  org_id?: string;
  url: string;
  /** Exact event types, `file.*` (any depth below) and `*`. */
  events: string[];
  dialect: "fluxdrop" | "fluxdesk" | "flux" | "standard";
  /** An expression over `event.id`, `.event`, `.timestamp`, `.user_id`, `.org_id` and `.data` (docs/expressions.md): an event for which it is not true is not sent to this webhook. Tests and redeliveries are sent whatever it says. null for none. */
  filter: string | null;
  description: string;
  /** Sent with every request to this webhook. */
  headers: {
    [key: string]: string;
  };
  enabled: boolean;
  /** Why it is disabled: `manual`, `gone`, `failing`, …; null if it is enabled. */
  disabled_reason: string | null;
  /** When Fluxhook disables the webhook; null for never. A success resets the count. */
  disable_rule:
    | {
        consecutive_failures: number;
      }
    | {
        /** A duration such as 250ms, 10s, 5m, 2h or 7d, from 1m to 30d. */
        failing_for: string;
      }
    | null;
  /** Milliseconds for the whole attempt. */
  timeout_ms: number;
  /** The delay before each attempt, counted from the end of the previous one. */
  retry_schedule: string[];
  /** RFC 3339. */
  created_at: string;
  /** RFC 3339. */
  updated_at: string;
  health: {
    /** RFC 3339; null for never. */
    last_success_at: string | null;
    /** RFC 3339; null for never. */
    last_failure_at: string | null;
    consecutive_failures: number;
  };
  /** Signs every request to this webhook. */
  secret: string;
}

export interface WebhookCreate {
  /** At most 128 bytes in UTF-8. */
  user_id?: string;
  /** At most 128 bytes in UTF-8. */
  org_id?: string;
  /** An http or https URL without a fragment, by the URL Standard, that the egress settings allow (for Fluxhook's defaults: https, port 443, a public address). */
  url: string;
  /** Exact event types, `file.*` (any depth below) and `*`. Default: `["*"]`. */
  events?: string[];
  /** Default: `"fluxdrop"`. */
  dialect?: "fluxdrop" | "fluxdesk" | "flux" | "standard";
  /** An expression over `event.id`, `.event`, `.timestamp`, `.user_id`, `.org_id` and `.data` (docs/expressions.md): an event for which it is not true is not sent to this webhook. Tests and redeliveries are sent whatever it says. null for none. Default: `null`. */
  filter?: string | null;
  /** Default: `""`. */
  description?: string;
  /** Sent with every request to this webhook; at most 4,096 bytes of names and values, and no name twice in different case. Default: `{}`. */
  headers?: {
    [key: string]: string;
  };
  /** Default: `true`. */
  enabled?: boolean;
  /** When Fluxhook disables the webhook; null for never. A success resets the count. */
  disable_rule?:
    | {
        consecutive_failures: number;
      }
    | {
        /** A duration such as 250ms, 10s, 5m, 2h or 7d, from 1m to 30d. */
        failing_for: string;
      }
    | null;
  /** Milliseconds for the whole attempt. */
  timeout_ms?: number;
  /** The delay before each attempt, counted from the end of the previous one. */
  retry_schedule?: string[];
  /** Generated if missing: `whsec_` + base64 of 32 bytes. */
  secret?: string;
}

export interface Webhook {
  /** `wh_…`. */
  id: string;
  user_id?: string;
  org_id?: string;
  url: string;
  /** Exact event types, `file.*` (any depth below) and `*`. */
  events: string[];
  dialect: "fluxdrop" | "fluxdesk" | "flux" | "standard";
  /** An expression over `event.id`, `.event`, `.timestamp`, `.user_id`, `.org_id` and `.data` (docs/expressions.md): an event for which it is not true is not sent to this webhook. Tests and redeliveries are sent whatever it says. null for none. */
  filter: string | null;
  description: string;
  /** Sent with every request to this webhook. */
  headers: {
    [key: string]: string;
  };
  enabled: boolean;
  /** Why it is disabled: `manual`, `gone`, `failing`, …; null if it is enabled. */
  disabled_reason: string | null;
  /** When Fluxhook disables the webhook; null for never. A success resets the count. */
  disable_rule:
    | {
        consecutive_failures: number;
      }
    | {
        /** A duration such as 250ms, 10s, 5m, 2h or 7d, from 1m to 30d. */
        failing_for: string;
      }
    | null;
  /** Milliseconds for the whole attempt. */
  timeout_ms: number;
  /** The delay before each attempt, counted from the end of the previous one. */
  retry_schedule: string[];
  /** RFC 3339. */
  created_at: string;
  /** RFC 3339. */
  updated_at: string;
  health: {
    /** RFC 3339; null for never. */
    last_success_at: string | null;
    /** RFC 3339; null for never. */
    last_failure_at: string | null;
    consecutive_failures: number;
  };
}

export interface WebhookPatch {
  /** An http or https URL without a fragment, by the URL Standard, that the egress settings allow (for Fluxhook's defaults: https, port 443, a public address). */
  url?: string;
  /** Exact event types, `file.*` (any depth below) and `*`. */
  events?: string[];
  dialect?: "fluxdrop" | "fluxdesk" | "flux" | "standard";
  /** An expression over `event.id`, `.event`, `.timestamp`, `.user_id`, `.org_id` and `.data` (docs/expressions.md): an event for which it is not true is not sent to this webhook. Tests and redeliveries are sent whatever it says. null for none. */
  filter?: string | null;
  description?: string;
  /** Sent with every request to this webhook; at most 4,096 bytes of names and values, and no name twice in different case. */
  headers?: {
    [key: string]: string;
  };
  enabled?: boolean;
  /** When Fluxhook disables the webhook; null for never. A success resets the count. */
  disable_rule?:
    | {
        consecutive_failures: number;
      }
    | {
        /** A duration such as 250ms, 10s, 5m, 2h or 7d, from 1m to 30d. */
        failing_for: string;
      }
    | null;
  /** Milliseconds for the whole attempt. */
  timeout_ms?: number;
  /** The delay before each attempt, counted from the end of the previous one. */
  retry_schedule?: string[];
}

export interface SecretRotated {
  /** Signs from now on. */
  secret: string;
  /** Until when the previous secret also signs; null if none is left. */
  previous_expires_at: string | null;
}

export interface SecretRotate {
  /** How long earlier secrets still sign; 0: they end at once. Default: `24`. */
  grace_hours?: number;
  /** Generated if missing: `whsec_` + base64 of 32 bytes. */
  secret?: string;
}

export interface LogEntry {
  /** UUID of this attempt, as in the delivery header; it identifies the delivery to redeliver. */
  delivery_id: string;
  webhook_id: string;
  /** The event's id, by which receivers detect duplicates. */
  id: string;
  /** The webhook's url without query string and credentials. */
  endpoint: string;
  /** The event type. */
  event: string;
  /** Null if there was no response. */
  status_code: number | null;
  /** From the start of the attempt to the response headers, in ms. */
  duration_ms: number;
  /** 1 for the first. */
  attempt: number;
  /** `unreadable`: not an attempt, but an element that another program put into the log; the other fields are empty and `raw` holds the element. */
  outcome: "delivered" | "retry" | "parked" | "unreadable";
  /** Why it was not delivered: `timeout`, `dns`, `http-500`, …; null if it was delivered. */
  reason: string | null;
  /** The host that a redirect (`http-3xx`) points to; absent if it may be an internal one, and for every other attempt. */
  redirect_host?: string;
  /** RFC 3339; set if the outcome is `retry`. */
  next_attempt_at: string | null;
  /** RFC 3339, when the attempt began. */
  timestamp: string;
  /** For `unreadable`: what is wrong with the element. */
  message?: string;
  /** For `unreadable`: the element's first 4 KiB. */
  raw?: string;
  /** The same in base64, if it is not UTF-8. */
  raw_base64?: string;
}

export interface Config {
  /** Oldest first, without secrets. */
  webhooks: {
    url: string;
    /** Exact event types, `file.*` (any depth below) and `*`. */
    events: string[];
    dialect: "fluxdrop" | "fluxdesk" | "flux" | "standard";
    /** An expression over `event.id`, `.event`, `.timestamp`, `.user_id`, `.org_id` and `.data` (docs/expressions.md): an event for which it is not true is not sent to this webhook. Tests and redeliveries are sent whatever it says. null for none. */
    filter: string | null;
    description: string;
    /** Sent with every request to this webhook. */
    headers: {
      [key: string]: string;
    };
    enabled: boolean;
    /** When Fluxhook disables the webhook; null for never. A success resets the count. */
    disable_rule:
      | {
          consecutive_failures: number;
        }
      | {
          /** A duration such as 250ms, 10s, 5m, 2h or 7d, from 1m to 30d. */
          failing_for: string;
        }
      | null;
    /** Milliseconds for the whole attempt. */
    timeout_ms: number;
    /** The delay before each attempt, counted from the end of the previous one. */
    retry_schedule: string[];
    /** `wh_…`. */
    id: string;
  }[];
}

export interface ConfigApplied {
  /** In the order of the request. */
  created: {
    /** The position of its entry in the request, from 0. */
    index: number;
    url: string;
    /** Missing after a dry run. */
    id?: string;
    /** Signs its requests; missing after a dry run. */
    secret?: string;
  }[];
  /** Entries with an id that change something. */
  changed: {
    /** The position of its entry in the request, from 0. */
    index: number;
    id: string;
    url: string;
    /** What changed; no values. */
    fields: string[];
  }[];
  deleted: {
    id: string;
    url: string;
  }[];
  /** All webhooks as they are now, without secrets; missing after a dry run. */
  webhooks?: {
    url: string;
    /** Exact event types, `file.*` (any depth below) and `*`. */
    events: string[];
    dialect: "fluxdrop" | "fluxdesk" | "flux" | "standard";
    /** An expression over `event.id`, `.event`, `.timestamp`, `.user_id`, `.org_id` and `.data` (docs/expressions.md): an event for which it is not true is not sent to this webhook. Tests and redeliveries are sent whatever it says. null for none. */
    filter: string | null;
    description: string;
    /** Sent with every request to this webhook. */
    headers: {
      [key: string]: string;
    };
    enabled: boolean;
    /** When Fluxhook disables the webhook; null for never. A success resets the count. */
    disable_rule:
      | {
          consecutive_failures: number;
        }
      | {
          /** A duration such as 250ms, 10s, 5m, 2h or 7d, from 1m to 30d. */
          failing_for: string;
        }
      | null;
    /** Milliseconds for the whole attempt. */
    timeout_ms: number;
    /** The delay before each attempt, counted from the end of the previous one. */
    retry_schedule: string[];
    /** `wh_…`. */
    id: string;
  }[];
}

export interface ConfigInput {
  /** All webhooks of the owner: the ones that are missing here are deleted. No id and no url may be given twice. Fields that an entry with an id leaves out do not change. */
  webhooks: {
    /** The webhook that the entry changes; without it, the entry creates one. */
    id?: string;
    /** An http or https URL without a fragment, by the URL Standard, that the egress settings allow (for Fluxhook's defaults: https, port 443, a public address). */
    url?: string;
    /** Exact event types, `file.*` (any depth below) and `*`. */
    events?: string[];
    dialect?: "fluxdrop" | "fluxdesk" | "flux" | "standard";
    /** An expression over `event.id`, `.event`, `.timestamp`, `.user_id`, `.org_id` and `.data` (docs/expressions.md): an event for which it is not true is not sent to this webhook. Tests and redeliveries are sent whatever it says. null for none. */
    filter?: string | null;
    description?: string;
    /** Sent with every request to this webhook; at most 4,096 bytes of names and values, and no name twice in different case. */
    headers?: {
      [key: string]: string;
    };
    enabled?: boolean;
    /** When Fluxhook disables the webhook; null for never. A success resets the count. */
    disable_rule?:
      | {
          consecutive_failures: number;
        }
      | {
          /** A duration such as 250ms, 10s, 5m, 2h or 7d, from 1m to 30d. */
          failing_for: string;
        }
      | null;
    /** Milliseconds for the whole attempt. */
    timeout_ms?: number;
    /** The delay before each attempt, counted from the end of the previous one. */
    retry_schedule?: string[];
    /** For a new webhook: generated if missing. For another one: if it is not the newest secret, it replaces that one, which still signs for 24 hours. */
    secret?: string;
  }[];
}

export interface FailedAttempt {
  /** Null if nothing of it is kept. */
  request: SentRequest | null;
  /** Null if there was none, or none is kept. */
  response: ReceivedResponse | null;
  /** Null if it is not kept. */
  timing: AttemptTiming | null;
  /** Null if there was a response, or nothing is kept. */
  failure: AttemptFailure | null;
  attempt: LogEntry;
}

export interface SentRequest {
  /** False: the attempt failed before a request was written. */
  is_sent: boolean;
  method: "POST";
  /** Path, and `?***` for a query; null if it was not sent. */
  target: string | null;
  /** In the order in which they were sent; `***` stands for a credential. */
  headers: {
    name: string;
    value: string;
  }[];
  /** The text whose UTF-8 is the body, byte for byte, so compare it as text: JSON parsers round big integers. null if it is not known. */
  body: string | null;
  /** Why there is no body: its event is larger than 16 KiB; its next attempt is under way; or it is no longer kept. */
  body_missing: "too-large" | "in-flight" | "not-kept" | null;
  /** Bytes of the body. */
  size: number | null;
}

export interface ReceivedResponse {
  status: number;
  status_text: string;
  /** In the order in which they were sent; `***` stands for a credential. */
  headers: {
    name: string;
    value: string;
  }[];
  /** There were more headers than are kept (2 KiB). */
  is_head_cut: boolean;
  /** The beginning of the body (`FLUXHOOK_LOG_DETAIL` bytes), if it is UTF-8. */
  excerpt: string | null;
  /** The same, if it is not UTF-8. */
  excerpt_base64?: string;
  is_text: boolean;
  /** More of the body arrived than is kept. */
  is_cut: boolean;
  /** Bytes of the body that arrived; at most a little more than 16 KiB. */
  size: number;
}

export interface AttemptTiming {
  /** Waited for a free slot of the webhook, before the attempt began; 0 if it had to wait in Valkey. */
  slot_ms: number;
  /** Resolving the name; 0 if the answer was cached. */
  resolve_ms: number;
  /** TCP; null if an open connection was used. */
  connect_ms: number | null;
  /** The TLS handshake; null if there was none. */
  tls_ms: number | null;
  /** From the request to the response headers or the failure; null if no request was sent. */
  response_ms: number | null;
}

export interface AttemptFailure {
  /** In which phase the attempt failed; null if nothing was begun. */
  phase: "resolve" | "connect" | "tls" | "response" | null;
  /** The error's code, such as `ENOTFOUND`. */
  code: string | null;
  /** The time-out, if it was over. */
  timeout_ms: number | null;
  /** The receiver's, if the attempt failed because of it and it could be looked at. */
  certificate: ReceiverCertificate | null;
}

export interface ReceiverCertificate {
  /** RFC 3339. */
  valid_from: string | null;
  /** RFC 3339. */
  valid_to: string | null;
  /** The names and addresses it is for, at most 8 of them. */
  names: string[];
  /** Who signed it; empty if it does not say. */
  issuer: string;
  is_self_signed: boolean;
}

/** An entry of the owner's log, and the owner. */
export interface LiveAttempt {
  /** UUID of this attempt, as in the delivery header; it identifies the delivery to redeliver. */
  delivery_id: string;
  webhook_id: string;
  /** The event's id, by which receivers detect duplicates. */
  id: string;
  /** The webhook's url without query string and credentials. */
  endpoint: string;
  /** The event type. */
  event: string;
  /** Null if there was no response. */
  status_code: number | null;
  /** From the start of the attempt to the response headers, in ms. */
  duration_ms: number;
  /** 1 for the first. */
  attempt: number;
  /** `unreadable`: not an attempt, but an element that another program put into the log; the other fields are empty and `raw` holds the element. */
  outcome: "delivered" | "retry" | "parked" | "unreadable";
  /** Why it was not delivered: `timeout`, `dns`, `http-500`, …; null if it was delivered. */
  reason: string | null;
  /** The host that a redirect (`http-3xx`) points to; absent if it may be an internal one, and for every other attempt. */
  redirect_host?: string;
  /** RFC 3339; set if the outcome is `retry`. */
  next_attempt_at: string | null;
  /** RFC 3339, when the attempt began. */
  timestamp: string;
  /** For `unreadable`: what is wrong with the element. */
  message?: string;
  /** For `unreadable`: the element's first 4 KiB. */
  raw?: string;
  /** The same in base64, if it is not UTF-8. */
  raw_base64?: string;
  user_id?: string;
  org_id?: string;
}

/** An execution has changed: `GET /v1/executions/{id}` has it in full. */
export interface LiveExecution {
  /** `exec-…`. */
  id: string;
  workflow_id: string;
  state: "queued" | "running" | "waiting" | "finished" | "failed" | "cancelled";
  /** The node whose request begins now; null where something was stored or has ended. */
  node_id: string | null;
  /** RFC 3339. */
  timestamp: string;
}

export interface Alert {
  id: string;
  /** `delivery.parked`, `webhook.disabled`, … */
  kind: string;
  message: string;
  webhook_id?: string;
  user_id?: string;
  org_id?: string;
  /** The list, of an alert that is about no webhook. */
  queue?: string;
  /** `http-500`, `gone`, … */
  reason?: string;
  /** The event whose delivery it was. */
  event_id?: string;
  /** RFC 3339. */
  at: string;
}

export interface Found {
  /** `webhook`, `owner`, `delivery` or `event`. */
  kind: string;
  user_id?: string;
  org_id?: string;
  /** Of a webhook or a delivery. */
  webhook_id?: string;
  /** Of a webhook. */
  url?: string;
  /** Of a webhook. */
  description?: string;
  /** Of a webhook. */
  enabled?: boolean;
  /** Of an owner: how many it has. */
  webhooks?: number;
  /** Of an owner: how many its log has. */
  attempts?: number;
  /** Of a delivery; of an event, one of its deliveries. */
  delivery_id?: string;
  /** Of a delivery: `scheduled`, `parked` or `recent` (it has ended or is in flight). */
  state?: string;
  /** Of a delivery or an event: the event's id. */
  id?: string;
  /** Of an event: its type. */
  event?: string | null;
}

export interface ParkedDelivery {
  /** UUID of its last attempt, to redeliver it by. */
  delivery_id: string;
  webhook_id: string;
  user_id?: string;
  org_id?: string;
  /** The event's id. */
  id: string;
  /** The event type; null if it could not be read. */
  event: string | null;
  /** Why it is parked: `http-500`, `timeout`, `blocked-address`, `webhook-disabled`, … */
  reason: string | null;
  /** Of the last attempt; null if there was no response. */
  status_code: number | null;
  /** The number of its last attempt. */
  attempt: number;
  /** RFC 3339. */
  parked_at: string;
  /** RFC 3339; the caps may drop it earlier. */
  expires_at: string;
  /** Bytes that it takes up, without an event that several webhooks share. */
  size: number;
}

/** A scoped token needs no owner and no webhook: it implies its own owner. */
export interface RedeliverParked {
  /** Only those of this user's webhooks. */
  user_id?: string;
  /** Only those of this organisation's webhooks. */
  org_id?: string;
  /** Only those of this webhook. */
  webhook_id?: string;
  /** Only those parked for this reason. */
  reason?: string;
  /** Only those of this event type. */
  event?: string;
  /** Only those that were parked before this time, RFC 3339. With `reason` or `event`, `remaining` counts up to 10,000 of each webhook. */
  before?: string;
  /** Redeliver at most this many, the oldest first. Default: `1000`. */
  limit?: number;
  /** Change nothing; `remaining` is how many would be redelivered. Default: `false`. */
  dry_run?: boolean;
}

/** How many deliveries are parked, the most frequent first. */
export interface ParkedSummary {
  total: number;
  /** How many of them belong to webhooks that are enabled; null if, without an owner, more than 200 webhooks have parked deliveries. */
  redeliverable: number | null;
  by_reason: {
    reason: string;
    count: number;
  }[];
  /** At most 100. */
  by_event: {
    /** Null if it could not be read. */
    event: string | null;
    count: number;
  }[];
  /** The 100 webhooks with the most; empty if an owner is given. */
  by_webhook: {
    webhook_id: string;
    count: number;
  }[];
}

export interface AttemptInFull {
  /** Null if nothing of it is kept. */
  request: SentRequest | null;
  /** Null if there was none, or none is kept. */
  response: ReceivedResponse | null;
  /** Null if it is not kept. */
  timing: AttemptTiming | null;
  /** Null if there was a response, or nothing is kept. */
  failure: AttemptFailure | null;
  /** As it was asked for, in lower case. */
  delivery_id: string;
  webhook_id: string;
  /** Its entry of the log; null if it is neither there nor among the webhook's failures. */
  attempt: LogEntry | null;
  /** The attempts of the same delivery that are still known, the oldest first. */
  attempts: LogEntry[];
  /** Of the delivery: `scheduled` waits for its next attempt; `parked` is not tried again by itself; `ended` was delivered, redelivered, or has fallen out; `unknown`: what came after is no longer kept. */
  state: "scheduled" | "in-flight" | "parked" | "ended" | "unknown";
  /** RFC 3339; set if the state is `scheduled`. */
  next_attempt_at: string | null;
  /** How many attempts the schedule has left; null unless it is scheduled. */
  remaining_attempts: number | null;
  /** RFC 3339; set if the state is `parked`. */
  parked_until: string | null;
  redeliver: {
    possible: boolean;
    /** `body-not-kept`: its event is larger than 16 KiB; `not-kept`: it is no longer known; `test`: send another one. */
    why_not:
      | "in-flight"
      | "webhook-disabled"
      | "webhook-deleted"
      | "body-not-kept"
      | "not-kept"
      | "test"
      | null;
  };
}

export interface SignatureCheck {
  /** Whether every signature matches a secret of now. */
  signature_matches: boolean;
  /** What `webhook-signature` covers: `webhook-id`.`webhook-timestamp`.body. */
  signed_content: string;
  signatures: {
    header: string;
    matches: boolean;
    /** Which secret made it; `previous`: one before the newest that still signs. */
    secret: "newest" | "previous" | null;
    /** The text that is signed before the body. */
    signed_prefix: string;
  }[];
}

export interface SignedAgain {
  /** The webhook's, as it is now. */
  url: string;
  /** In the order in which they were sent; `***` stands for a credential. */
  headers: {
    name: string;
    value: string;
  }[];
  body: string;
  /** The same as a command for a POSIX shell. */
  curl: string;
}

export interface EventTypes {
  /** The catalogue of each dialect, by its name; empty if it has none. */
  event_types: {
    [key: string]: string[];
  };
  /** The operator's own event types (`FLUXHOOK_EVENT_CATALOGUE`), in their order. */
  catalogue: EventType[];
  /** `open`: any well-formed event type; else only the ones listed. */
  accepted: "open" | string[];
}

export interface EventType {
  /** The event type. */
  name: string;
  /** Empty if it has none. */
  description: string;
  /** Under which it is listed; null: by its first word. */
  group: string | null;
  /** The text of a JSON object, as the operator wrote it: an example of its `data`. */
  sample: string | null;
}

export interface Sample {
  event: string;
  /** The text of the event's `data`, a JSON object. */
  data: string;
  /** What a receiver of the dialect gets. */
  request: {
    headers: {
      [key: string]: string;
    };
    /** The exact text that `headers` sign. */
    body: string;
    /** Signs this sample only. */
    secret: string;
  };
}

export interface Stats {
  queues: {
    name: string;
    /** Elements on the list. */
    depth: number;
    /** How long the oldest of them has waited, at least. */
    oldest_age_s: number;
    /** Deliveries that run next. */
    ready: number;
    /** Deliveries that wait for their next attempt. */
    scheduled: number;
    /** Those of them whose time has come. */
    due: number;
    /** Webhooks with deliveries that wait for a slot. */
    lanes: number;
    parked: number;
    parked_bytes: number;
    /** How deliveries have ended since the counts began: `delivered`, `parked`, `nobody`, … */
    ended: {
      [key: string]: number;
    };
  }[];
  /** One for each process, of all replicas. */
  workers: {
    id: string;
    host: string | null;
    /** Null: of an earlier version, which does not say it. */
    version: string | null;
    started_at: string | null;
    /** Since its last heartbeat; after 10 s others take over. */
    last_beat_s: number;
    /** FLUXHOOK_CONCURRENCY. */
    slots: number | null;
    /** Attempts under way. */
    used: number | null;
    /** Claimed and not settled. */
    held: number | null;
    queues: string[];
  }[];
  /** Elements on the rejected list. */
  rejected: number;
  webhooks: {
    enabled: number;
    disabled: number;
  };
  valkey: {
    version: string | null;
    /** Bytes. */
    used_memory: number | null;
    /** Bytes; null: no limit. */
    maxmemory: number | null;
    append_only: boolean | null;
    eviction_policy: string | null;
    round_trip_ms: number;
  };
  /** What is broken and needs the operator; empty if all is well. */
  needs: {
    kind:
      | "webhook-disabled"
      | "no-worker"
      | "worker-silent"
      | "queue-delayed"
      | "parked"
      | "parked-full"
      | "rejected"
      | "rejected-full"
      | "valkey-append-only"
      | "valkey-eviction"
      | "valkey-memory";
    /** The id of a webhook, a list, the host of a worker. */
    about: string;
    message: string;
    /** RFC 3339; null if it is not known. */
    since: string | null;
    count: number;
  }[];
}

export interface Series {
  /** RFC 3339: the beginning of the first step. */
  start: string;
  step_s: number;
  /** One value for each step, the oldest first; null where nothing was counted. */
  series: {
    delivered: (number | null)[];
    retry: (number | null)[];
    parked: (number | null)[];
    claimed: (number | null)[];
    rejected: (number | null)[];
    nobody: (number | null)[];
    filtered: (number | null)[];
    p50_ms: (number | null)[];
    p95_ms: (number | null)[];
    p99_ms: (number | null)[];
    wait_p50_ms: (number | null)[];
    wait_p95_ms: (number | null)[];
    wait_p99_ms: (number | null)[];
    depth: (number | null)[];
    oldest_age_s: (number | null)[];
    scheduled: (number | null)[];
    parked_now: (number | null)[];
  };
}

export interface Token {
  /** Send it as `Authorization: Bearer <token>`. */
  token: string;
  /** Names it in the audit; an API key is revoked by it. */
  id: string;
  /** RFC 3339; null for an API key. */
  expires_at: string | null;
  /** The owner's portal, signed in; null if the token is no owner's, lives longer than a day, or the dashboard is off. */
  portal_url: string | null;
}

export interface TokenCreate {
  /** At most 128 bytes in UTF-8. */
  user_id?: string;
  /** At most 128 bytes in UTF-8. */
  org_id?: string;
  /** In place of an owner: it reaches everything, and makes no dashboard tokens. */
  dashboard?: true;
  /** Shown in the audit, and in the list of API keys, which need one. */
  name?: string;
  /** Whatever would change something is 403. Default: `false`. */
  read_only?: boolean;
  /** For an owner's token that is not read-only: it may make API keys of its owner. Default: `false`. */
  api_keys?: boolean;
  /** At most 30 days; 3600 if missing, 43200 for a dashboard token; null: an API key of an owner, with a name: it does not expire and can be revoked. */
  expires_in_s?: number | null;
}

export interface ApiKey {
  id: string;
  name: string;
  user_id?: string;
  org_id?: string;
  read_only: boolean;
  /** RFC 3339. */
  created_at: string;
  /** To the minute; null if it was never used. */
  last_used_at: string | null;
}

export interface Me {
  /** `api`: FLUXHOOK_API_TOKEN; `dashboard`: reaches everything until it expires; `owner`: a scoped token; `key`: an API key of an owner. */
  kind: "api" | "dashboard" | "owner" | "key";
  /** The owner that the token reaches. */
  user_id?: string;
  org_id?: string;
  /** Of the token, if it was given one. */
  name: string | null;
  /** Whatever would change something is answered 403. */
  read_only: boolean;
  /** It may make API keys: of its owner, or of any owner. */
  api_keys: boolean;
  /** RFC 3339; null if it does not expire. */
  expires_at: string | null;
  /** Of Fluxhook. */
  version: string;
}

export interface AuditEntry {
  id: string;
  /** RFC 3339. */
  at: string;
  /** `webhook.created`, `token.revoked`, … */
  action: string;
  /** Whose token the request carried. */
  by: {
    /** The kind of token, as in `GET /v1/me`; `operator`, for an owner: whoever has the API token or a dashboard token. */
    kind: "api" | "dashboard" | "owner" | "key" | "operator";
    /** Of the token; of an API token its place in FLUXHOOK_API_TOKEN. */
    id: string | null;
    /** Of the token, if it was given one. */
    name: string | null;
  };
  /** Whose thing it was. */
  user_id?: string;
  org_id?: string;
  /** The id of the webhook, delivery, API key, workflow or session. */
  about: string | null;
  /** What else there is to say: the changed fields, how many; never a secret. */
  details: {
    [key: string]: string | number | boolean | string[];
  };
}

/** How many of each there were. */
export interface OwnerErased {
  webhooks: number;
  parked: number;
  api_keys: number;
  sessions: number;
}

export interface ExecutionSummary {
  /** `exec-…`. */
  id: string;
  workflow_id: string;
  revision: number;
  state: "queued" | "running" | "waiting" | "finished" | "failed" | "cancelled";
  mode: "minimal" | "lastNode" | "specificNode" | "allNodes";
  /** Started by POST /v1/workflows/{id}/test. */
  test: boolean;
  /** RFC 3339. */
  accepted_at: string;
  /** RFC 3339; null where it has not happened. */
  started_at: string | null;
  /** RFC 3339; null where it has not happened. */
  ended_at: string | null;
  error: {
    /** Null where no node is at fault. */
    node_id: string | null;
    code: string;
    message: string;
  } | null;
}

export interface Execution {
  /** `exec-…`. */
  id: string;
  workflow_id: string;
  revision: number;
  state: "queued" | "running" | "waiting" | "finished" | "failed" | "cancelled";
  mode: "minimal" | "lastNode" | "specificNode" | "allNodes";
  /** Started by POST /v1/workflows/{id}/test. */
  test: boolean;
  /** RFC 3339. */
  accepted_at: string;
  /** RFC 3339; null where it has not happened. */
  started_at: string | null;
  /** RFC 3339; null where it has not happened. */
  ended_at: string | null;
  error: {
    /** Null where no node is at fault. */
    node_id: string | null;
    code: string;
    message: string;
  } | null;
  trigger: {
    /** The body, with the query in it as `_query`. */
    data?: unknown;
    query: {
      [key: string]: unknown;
    };
    headers: {
      [key: string]: string;
    };
  };
  /** In the order of the workflow. */
  nodes: {
    id: string;
    name: string;
    type: "set" | "http" | "event" | "task" | "if";
    state: "pending" | "waiting" | "finished" | "failed" | "skipped";
    attempts: number;
    /** RFC 3339; null where it has not happened. */
    started_at: string | null;
    duration_ms: number | null;
    /** Null unless it has finished. */
    output?: unknown;
    error: {
      code: string;
      message: string;
    } | null;
  }[];
}

export interface WorkflowCreated {
  id: string;
  name: string;
  /** Default: `{}`. */
  trigger?: {
    /** Default: `{}`. */
    verification?: {
      /** How the sender signs; `fluxhook`: hex HMAC-SHA256 of the body in `X-Webhook-Signature`. Default: `"fluxhook"`. */
      scheme?:
        "fluxhook" | "github" | "meta" | "slack" | "stripe" | "shopify" | "standard" | "twilio";
      /** `meta` only: answers `hub.challenge` where `hub.verify_token` is this; never shown. */
      verify_token?: string;
    };
    /** Content types; `form` is implied by `slack` and `twilio`. Default: `["json"]`. */
    accepts?: ("json" | "form")[];
    /** `fluxhook` only: signs `<X-Webhook-Id>.<X-Webhook-Timestamp>.<body>`, and refuses what is older than 5 minutes. Default: `false`. */
    replay?: boolean;
    /** An expression over `trigger` whose value recognises a repeated request. Default: `null`. */
    idempotency?: string | null;
    /** Executions of this workflow that run at once, on each replica. Default: `64`. */
    concurrency?: number;
    /** Verified requests that each replica accepts; beyond that it answers 429. Default: `null`. */
    rate_limit?: {
      per_second: number;
    } | null;
    /** Default: `{}`. */
    response?: {
      /** `minimal` answers at once; the others wait until the workflow has ended. Default: `"minimal"`. */
      mode?: "minimal" | "lastNode" | "specificNode" | "allNodes";
      /** Required by `specificNode`, and only there. */
      node_id?: string;
      /** Of the answer in every mode, where the workflow did not fail. Default: `200`. */
      status?: number;
      /** Default: `{}`. */
      headers?: {
        [key: string]: string;
      };
      /** How long it waits before it answers 504; the workflow goes on. Default: `30000`. */
      timeout_ms?: number;
    };
  };
  nodes: WorkflowNode[];
  enabled: boolean;
  /** Raised by each change of the trigger or the nodes. */
  revision: number;
  /** RFC 3339. */
  created_at: string;
  /** RFC 3339. */
  updated_at: string;
  /** Where the sender posts to. */
  url: string;
  /** With which senders sign. */
  secret: string;
}

export type WorkflowNode =
  | {
      /** Unique in the workflow; `nodes.<id>.output` is what the node gave. */
      id: string;
      /** For people; the id if missing. */
      name?: string;
      /** The nodes that come before it; the node above it if missing, none for `[]`. */
      after?: string[];
      /** 1 attempt if missing; 3 for a task. */
      retry?: {
        /** How often the node is tried in all. */
        attempts: number;
        /** Before the second attempt; it doubles with each further one. Default: `"1s"`. */
        delay?: string;
      };
      /** `stop`, the default: the execution fails; `continue`: `nodes.<id>.error` says why. */
      on_error?: "stop" | "continue";
      type: "set";
      value: unknown;
    }
  | {
      /** Unique in the workflow; `nodes.<id>.output` is what the node gave. */
      id: string;
      /** For people; the id if missing. */
      name?: string;
      /** The nodes that come before it; the node above it if missing, none for `[]`. */
      after?: string[];
      /** 1 attempt if missing; 3 for a task. */
      retry?: {
        /** How often the node is tried in all. */
        attempts: number;
        /** Before the second attempt; it doubles with each further one. Default: `"1s"`. */
        delay?: string;
      };
      /** `stop`, the default: the execution fails; `continue`: `nodes.<id>.error` says why. */
      on_error?: "stop" | "continue";
      type: "http";
      /** Default: `"GET"`. */
      method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS";
      /** What is inserted behind the host is percent-encoded. */
      url: string;
      headers?: {
        [key: string]: string;
      };
      /** Sent as JSON, or, if it is a text, as that text. */
      body?: unknown;
      /** Default: `10000`. */
      timeout_ms?: number;
      /** Whether a status of 400 and above fails it. Default: `true`. */
      fail_on_status?: boolean;
    }
  | {
      /** Unique in the workflow; `nodes.<id>.output` is what the node gave. */
      id: string;
      /** For people; the id if missing. */
      name?: string;
      /** The nodes that come before it; the node above it if missing, none for `[]`. */
      after?: string[];
      /** 1 attempt if missing; 3 for a task. */
      retry?: {
        /** How often the node is tried in all. */
        attempts: number;
        /** Before the second attempt; it doubles with each further one. Default: `"1s"`. */
        delay?: string;
      };
      /** `stop`, the default: the execution fails; `continue`: `nodes.<id>.error` says why. */
      on_error?: "stop" | "continue";
      type: "event";
      user_id?: string;
      org_id?: string;
      event: string;
      data: unknown;
    }
  | {
      /** Unique in the workflow; `nodes.<id>.output` is what the node gave. */
      id: string;
      /** For people; the id if missing. */
      name?: string;
      /** The nodes that come before it; the node above it if missing, none for `[]`. */
      after?: string[];
      /** 1 attempt if missing; 3 for a task. */
      retry?: {
        /** How often the node is tried in all. */
        attempts: number;
        /** Before the second attempt; it doubles with each further one. Default: `"1s"`. */
        delay?: string;
      };
      /** `stop`, the default: the execution fails; `continue`: `nodes.<id>.error` says why. */
      on_error?: "stop" | "continue";
      type: "task";
      /** Your worker takes it from the list `fluxhook:tasks:<task>`. */
      task: string;
      input?: unknown;
      /** Default: `30000`. */
      timeout_ms?: number;
    }
  | {
      /** Unique in the workflow; `nodes.<id>.output` is what the node gave. */
      id: string;
      /** For people; the id if missing. */
      name?: string;
      /** The nodes that come before it; the node above it if missing, none for `[]`. */
      after?: string[];
      /** 1 attempt if missing; 3 for a task. */
      retry?: {
        /** How often the node is tried in all. */
        attempts: number;
        /** Before the second attempt; it doubles with each further one. Default: `"1s"`. */
        delay?: string;
      };
      /** `stop`, the default: the execution fails; `continue`: `nodes.<id>.error` says why. */
      on_error?: "stop" | "continue";
      type: "if";
      condition: string;
    };

export interface WorkflowCreate {
  name: string;
  /** Default: `{}`. */
  trigger?: {
    /** Default: `{}`. */
    verification?: {
      /** How the sender signs; `fluxhook`: hex HMAC-SHA256 of the body in `X-Webhook-Signature`. Default: `"fluxhook"`. */
      scheme?:
        "fluxhook" | "github" | "meta" | "slack" | "stripe" | "shopify" | "standard" | "twilio";
      /** `meta` only: answers `hub.challenge` where `hub.verify_token` is this; never shown. */
      verify_token?: string;
    };
    /** Content types; `form` is implied by `slack` and `twilio`. Default: `["json"]`. */
    accepts?: ("json" | "form")[];
    /** `fluxhook` only: signs `<X-Webhook-Id>.<X-Webhook-Timestamp>.<body>`, and refuses what is older than 5 minutes. Default: `false`. */
    replay?: boolean;
    /** An expression over `trigger` whose value recognises a repeated request. Default: `null`. */
    idempotency?: string | null;
    /** Executions of this workflow that run at once, on each replica. Default: `64`. */
    concurrency?: number;
    /** Verified requests that each replica accepts; beyond that it answers 429. Default: `null`. */
    rate_limit?: {
      per_second: number;
    } | null;
    /** Default: `{}`. */
    response?: {
      /** `minimal` answers at once; the others wait until the workflow has ended. Default: `"minimal"`. */
      mode?: "minimal" | "lastNode" | "specificNode" | "allNodes";
      /** Required by `specificNode`, and only there. */
      node_id?: string;
      /** Of the answer in every mode, where the workflow did not fail. Default: `200`. */
      status?: number;
      /** Default: `{}`. */
      headers?: {
        [key: string]: string;
      };
      /** How long it waits before it answers 504; the workflow goes on. Default: `30000`. */
      timeout_ms?: number;
    };
    /** 8 to 128 printable characters; generated if missing. */
    secret?: string;
  };
  nodes: WorkflowNode[];
  /** Default: `true`. */
  enabled?: boolean;
  /** Part of its URL; generated if missing: `wf_…`. */
  id?: string;
}

export interface WorkflowSummary {
  id: string;
  name: string;
  enabled: boolean;
  revision: number;
  scheme: "fluxhook" | "github" | "meta" | "slack" | "stripe" | "shopify" | "standard" | "twilio";
  mode: "minimal" | "lastNode" | "specificNode" | "allNodes";
  /** How many it has. */
  nodes: number;
  url: string;
  /** RFC 3339. */
  created_at: string;
  /** RFC 3339. */
  updated_at: string;
}

export interface WorkflowChecked {
  errors: {
    field: string;
    code: string;
    message: string;
  }[];
}

export interface Workflow {
  id: string;
  name: string;
  /** Default: `{}`. */
  trigger?: {
    /** Default: `{}`. */
    verification?: {
      /** How the sender signs; `fluxhook`: hex HMAC-SHA256 of the body in `X-Webhook-Signature`. Default: `"fluxhook"`. */
      scheme?:
        "fluxhook" | "github" | "meta" | "slack" | "stripe" | "shopify" | "standard" | "twilio";
      /** `meta` only: answers `hub.challenge` where `hub.verify_token` is this; never shown. */
      verify_token?: string;
    };
    /** Content types; `form` is implied by `slack` and `twilio`. Default: `["json"]`. */
    accepts?: ("json" | "form")[];
    /** `fluxhook` only: signs `<X-Webhook-Id>.<X-Webhook-Timestamp>.<body>`, and refuses what is older than 5 minutes. Default: `false`. */
    replay?: boolean;
    /** An expression over `trigger` whose value recognises a repeated request. Default: `null`. */
    idempotency?: string | null;
    /** Executions of this workflow that run at once, on each replica. Default: `64`. */
    concurrency?: number;
    /** Verified requests that each replica accepts; beyond that it answers 429. Default: `null`. */
    rate_limit?: {
      per_second: number;
    } | null;
    /** Default: `{}`. */
    response?: {
      /** `minimal` answers at once; the others wait until the workflow has ended. Default: `"minimal"`. */
      mode?: "minimal" | "lastNode" | "specificNode" | "allNodes";
      /** Required by `specificNode`, and only there. */
      node_id?: string;
      /** Of the answer in every mode, where the workflow did not fail. Default: `200`. */
      status?: number;
      /** Default: `{}`. */
      headers?: {
        [key: string]: string;
      };
      /** How long it waits before it answers 504; the workflow goes on. Default: `30000`. */
      timeout_ms?: number;
    };
  };
  nodes: WorkflowNode[];
  enabled: boolean;
  /** Raised by each change of the trigger or the nodes. */
  revision: number;
  /** RFC 3339. */
  created_at: string;
  /** RFC 3339. */
  updated_at: string;
  /** Where the sender posts to. */
  url: string;
}

export interface WorkflowInput {
  name: string;
  /** Default: `{}`. */
  trigger?: {
    /** Default: `{}`. */
    verification?: {
      /** How the sender signs; `fluxhook`: hex HMAC-SHA256 of the body in `X-Webhook-Signature`. Default: `"fluxhook"`. */
      scheme?:
        "fluxhook" | "github" | "meta" | "slack" | "stripe" | "shopify" | "standard" | "twilio";
      /** `meta` only: answers `hub.challenge` where `hub.verify_token` is this; never shown. */
      verify_token?: string;
    };
    /** Content types; `form` is implied by `slack` and `twilio`. Default: `["json"]`. */
    accepts?: ("json" | "form")[];
    /** `fluxhook` only: signs `<X-Webhook-Id>.<X-Webhook-Timestamp>.<body>`, and refuses what is older than 5 minutes. Default: `false`. */
    replay?: boolean;
    /** An expression over `trigger` whose value recognises a repeated request. Default: `null`. */
    idempotency?: string | null;
    /** Executions of this workflow that run at once, on each replica. Default: `64`. */
    concurrency?: number;
    /** Verified requests that each replica accepts; beyond that it answers 429. Default: `null`. */
    rate_limit?: {
      per_second: number;
    } | null;
    /** Default: `{}`. */
    response?: {
      /** `minimal` answers at once; the others wait until the workflow has ended. Default: `"minimal"`. */
      mode?: "minimal" | "lastNode" | "specificNode" | "allNodes";
      /** Required by `specificNode`, and only there. */
      node_id?: string;
      /** Of the answer in every mode, where the workflow did not fail. Default: `200`. */
      status?: number;
      /** Default: `{}`. */
      headers?: {
        [key: string]: string;
      };
      /** How long it waits before it answers 504; the workflow goes on. Default: `30000`. */
      timeout_ms?: number;
    };
  };
  nodes: WorkflowNode[];
  /** Stays as it is if missing, so that no change of the document enables a workflow. */
  enabled?: boolean;
}

export interface WorkflowPatch {
  name?: string;
  enabled?: boolean;
  /** Fields that it leaves out do not change; null sets one to its default. */
  trigger?: {
    [key: string]: unknown;
  };
  /** Replaces all nodes. */
  nodes?: unknown[];
}

export interface WorkflowSecretRotated {
  /** Accepted from now on. */
  secret: string;
  /** Until when the previous secret is accepted too; null if none is left. */
  previous_expires_at: string | null;
}

export interface WorkflowSecretRotate {
  /** How long earlier secrets are still accepted; 0: they end at once. Default: `24`. */
  grace_hours?: number;
  /** 8 to 128 printable characters; generated if missing. */
  secret?: string;
}

export interface WorkflowTest {
  /** In place of the request's body; `{}` if missing. */
  data?: unknown;
  /** In place of the query. Default: `{}`. */
  query?: {
    [key: string]: string | string[];
  };
  /** In place of the headers; credentials and signatures are left out, as of a request, and what may be another credential is masked. Default: `{}`. */
  headers?: {
    [key: string]: string;
  };
}
