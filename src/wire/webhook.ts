// A webhook: what a user registers. One schema for the API's input and answers, and for the store.
import { z } from "zod";
import { DIALECT_NAMES } from "./dialects/registry.ts";
import { disableRuleSchema } from "./disable-rule.ts";
import { durationSchema, parseDuration } from "./duration.ts";
import { EVENT_PATTERN_ACCEPTED, EVENT_PATTERN_FORM, isEventPattern } from "./event-pattern.ts";
import { boundedText } from "./bounded-text.ts";
import { checkCustomHeaders, CUSTOM_HEADERS_FORM } from "./custom-headers.ts";
import { checkSecret, SECRET_PATTERNS } from "./secret.ts";
import { excerpt } from "./excerpt.ts";
import { ownerIdSchema, ownerRef, type OwnerRef } from "./owner.ts";

/** At most this many webhooks per owner. */
export const WEBHOOKS_PER_OWNER = 100;
/** Longest time-out that a webhook may have. */
export const MAX_TIMEOUT_MS = 30_000;
/** What an expression may have (docs/expressions.md, "Bounds"). */
export const MAX_FILTER_CHARACTERS = 1_000;
const DAY_MS = 86_400_000;

// WHATWG URL drops tabs and newlines silently. Fluxhook must connect to the URL that the user sees.
// eslint-disable-next-line no-control-regex -- control characters are what it keeps out
const URL_FORM = /^[Hh][Tt][Tt][Pp][Ss]?:[^\u0000-\u0020\u007f#]+$/;

const url = boundedText(2048, "must be a string with an http or https URL")
  .superRefine((text, context) => {
    const problem = urlProblem(text);
    if (problem) context.addIssue({ code: "custom", message: problem });
  })
  .meta({
    description:
      "an http or https URL without a fragment, by the URL Standard, that the egress settings allow " +
      "(for Fluxhook's defaults: https, port 443, a public address)",
    pattern: URL_FORM.source,
    example: "https://example.com/hooks",
  });

const events = z
  .array(
    z
      .string({ error: `must be ${EVENT_PATTERN_ACCEPTED}` })
      .refine(isEventPattern, {
        error: (issue) => `${excerpt(issue.input)} is not ${EVENT_PATTERN_ACCEPTED}`,
      })
      .meta(EVENT_PATTERN_FORM),
    { error: "must be an array of event patterns" },
  )
  .min(1, { error: 'must name at least one pattern; use ["*"] for all events' })
  .max(100, { error: "must name at most 100 patterns" })
  .refine((patterns) => new Set(patterns).size === patterns.length, {
    error: "must not name a pattern twice",
  })
  .describe("exact event types, `file.*` (any depth below) and `*`")
  .meta({ uniqueItems: true });

const headers = z
  .record(z.string(), z.string(), { error: "must be an object of header names and text values" })
  .superRefine((value, context) => {
    for (const problem of checkCustomHeaders(value)) {
      context.addIssue({ code: "custom", message: problem.message, path: [problem.name] });
    }
  })
  .describe(
    "sent with every request to this webhook; at most 4,096 bytes of names and values, and no name " +
      "twice in different case",
  )
  .meta(CUSTOM_HEADERS_FORM);

const retrySchedule = z
  .array(durationSchema({ minMs: 0, maxMs: 7 * DAY_MS }), {
    error: 'must be an array of durations such as ["0s","1m","5m"]',
  })
  .min(1, { error: "must have at least one delay: that of the first attempt" })
  .max(50, { error: "must have at most 50 delays" })
  .describe("the delay before each attempt, counted from the end of the previous one");

const FILTER_DESCRIPTION =
  "an expression over `event.id`, `.event`, `.timestamp`, `.user_id`, `.org_id` and `.data` " +
  "(docs/expressions.md): an event for which it is not true is not sent to this webhook. Tests and " +
  "redeliveries are sent whatever it says. null for none";

/** Only its length: the language is the concern of src/expressions, which is loaded where it is needed. */
const filter = boundedText(MAX_FILTER_CHARACTERS, "must be a string with an expression, or null")
  .nullable()
  .meta({ description: FILTER_DESCRIPTION, example: "event.data.amount > 1000" });

/** A secret that a user provides. */
export const secretSchema = z
  .string({ error: "must be a string" })
  .superRefine((text, context) => {
    const problem = checkSecret(text);
    if (problem) context.addIssue({ code: "custom", message: problem });
  })
  .meta({ anyOf: SECRET_PATTERNS.map((pattern) => ({ pattern })) });

/** What a user may set on a webhook. */
const settable = {
  url,
  events,
  dialect: z.enum(DIALECT_NAMES),
  filter,
  description: boundedText(500, "must be a string"),
  headers,
  enabled: z.boolean(),
  disable_rule: disableRuleSchema.nullable(),
  timeout_ms: z.int().min(100).max(MAX_TIMEOUT_MS).describe("milliseconds for the whole attempt"),
  retry_schedule: retrySchedule,
};

/** JSON Schema: one of the two owners. A scoped token implies its own owner, so none is needed then. */
export const EITHER_OWNER = {
  oneOf: [{ required: ["user_id"] }, { required: ["org_id"] }],
};

export const webhookCreateSchema = z
  .strictObject({
    user_id: ownerIdSchema.optional(),
    org_id: ownerIdSchema.optional(),
    url,
    events: events.default(["*"]),
    dialect: settable.dialect.default("fluxdrop"),
    filter: filter.default(null),
    description: settable.description.default(""),
    headers: headers.default({}),
    enabled: settable.enabled.default(true),
    disable_rule: settable.disable_rule.optional(),
    timeout_ms: settable.timeout_ms.optional(),
    retry_schedule: retrySchedule.optional(),
    secret: secretSchema.optional().describe("generated if missing: `whsec_` + base64 of 32 bytes"),
  })
  .refine((input) => (input.user_id === undefined) !== (input.org_id === undefined), {
    error: "give either user_id or org_id",
    path: ["user_id"],
  })
  .meta({ id: "WebhookCreate", ...EITHER_OWNER });
export type WebhookCreate = z.infer<typeof webhookCreateSchema>;

export const webhookPatchSchema = z
  .strictObject(settable)
  .partial()
  .refine((patch) => Object.keys(patch).length > 0, { error: "must change at least one field" })
  .meta({ id: "WebhookPatch", minProperties: 1 });
export type WebhookPatch = z.infer<typeof webhookPatchSchema>;

/** What Valkey stores of a webhook. Its health is stored separately, because every attempt changes it. */
export const webhookRecordSchema = z.object({
  id: z.templateLiteral(["wh_", z.string()]),
  user_id: z.string().optional(),
  org_id: z.string().optional(),
  url: z.string(),
  events: z.array(z.string()).describe("exact event types, `file.*` (any depth below) and `*`"),
  dialect: z.enum(DIALECT_NAMES),
  filter: z.string().nullable().describe(FILTER_DESCRIPTION),
  description: z.string(),
  headers: z.record(z.string(), z.string()).describe("sent with every request to this webhook"),
  enabled: z.boolean(),
  disabled_reason: z
    .string()
    .nullable()
    .describe("why it is disabled: `manual`, `gone`, `failing`, …; null if it is enabled"),
  disable_rule: disableRuleSchema.nullable(),
  timeout_ms: z.int().describe("milliseconds for the whole attempt"),
  retry_schedule: z
    .array(z.string())
    .describe("the delay before each attempt, counted from the end of the previous one"),
  created_at: z.string().describe("RFC 3339"),
  updated_at: z.string().describe("RFC 3339"),
  /** Newest first; more than one only during the grace period of a rotation; none if unreadable. */
  secrets: z.array(z.object({ secret: z.string(), expires_at: z.string().nullable() })),
});
export type WebhookRecord = z.infer<typeof webhookRecordSchema>;

export const webhookHealthSchema = z.object({
  last_success_at: z.string().nullable().describe("RFC 3339; null for never"),
  last_failure_at: z.string().nullable().describe("RFC 3339; null for never"),
  consecutive_failures: z.int(),
});
export type WebhookHealth = z.infer<typeof webhookHealthSchema>;

/** A webhook as the API returns it: without its secrets. */
export const webhookSchema = webhookRecordSchema
  .omit({ secrets: true })
  .extend({ id: z.string().describe("`wh_…`"), health: webhookHealthSchema })
  .meta({ id: "Webhook" });
export type Webhook = z.infer<typeof webhookSchema>;

export function ownerOf(webhook: { user_id?: string; org_id?: string }): OwnerRef {
  return webhook.user_id === undefined
    ? ownerRef("org", webhook.org_id ?? "")
    : ownerRef("user", webhook.user_id);
}

export function retryScheduleMs(webhook: WebhookRecord): number[] {
  return webhook.retry_schedule.map((text) => parseDuration(text) ?? 0);
}

function urlProblem(text: string): string | null {
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  if (/[\u0000-\u0020\u007f]/.test(text)) {
    return "must not contain spaces or control characters";
  }
  let parsed: URL;
  try {
    parsed = new URL(text);
  } catch {
    // The text may contain credentials, so the message does not repeat it.
    return "is not a URL; accepted is http:// or https:// with a host";
  }
  if (parsed.protocol !== "https:" && parsed.protocol !== "http:") {
    return `the scheme ${JSON.stringify(parsed.protocol)} is not accepted; use https: or http:`;
  }
  if (parsed.port === "0") return "must not have port 0";
  if (text.includes("#")) return "must not have a fragment (#…): it is never sent";
  return null;
}
