// Reads and writes a webhook as it is stored in Valkey. Guarantee 9: if there is a key, its secrets and its custom
// headers (which may contain credentials) are sealed, each bound to its owner, its webhook and its field.
import type { WebhookId } from "../../wire/ids.ts";
import { z } from "zod";
import { splitOwnerRef, type OwnerRef } from "../../wire/owner.ts";
import { DIALECT_NAMES } from "../../wire/dialects/registry.ts";
import { ownerOf, webhookRecordSchema, type WebhookRecord } from "../../wire/webhook.ts";
import type { Opened, SecretBox } from "./secret-box.ts";

type Secrets = WebhookRecord["secrets"];
type Headers = WebhookRecord["headers"];

/** `secrets` and `headers` are strings if they are sealed: the sealed JSON of their value. */
export interface StoredWebhook extends Omit<WebhookRecord, "secrets" | "headers" | "filter"> {
  secrets: Secrets | string;
  headers: Headers | string;
  /** Missing in what a version without filters wrote. */
  filter?: string | null;
}

/** A sealed field that cannot be opened with the keys of this process. */
export interface UnreadableField {
  field: "secrets" | "headers";
  why: Exclude<Opened["kind"], "opened">;
  keyId: string;
}
/** The same, or a record that is not a webhook. */
export type Unreadable = UnreadableField | { field: "record"; why: "damaged"; keyId: "" };

export interface OpenedWebhook {
  /**
   * If a field is unreadable, it is empty and the webhook counts as disabled: its deliveries are parked, and no
   * request is sent without its signature or its headers.
   */
  record: WebhookRecord;
  unreadable: readonly UnreadableField[];
}

/** The `disabled_reason` of a webhook with a field that cannot be opened here. */
export const SECRET_UNREADABLE = "secret-unreadable";

/** The `disabled_reason` of a webhook whose record was damaged in Valkey. */
export const RECORD_UNREADABLE = "record-unreadable";

export const storedWebhookSchema = webhookRecordSchema.extend({
  secrets: z.union([webhookRecordSchema.shape.secrets, z.string()]),
  headers: z.union([webhookRecordSchema.shape.headers, z.string()]),
  filter: webhookRecordSchema.shape.filter.optional(),
});

/** Parses a stored webhook, and keeps fields of later versions; returns null if the text is not a webhook. */
export function readStoredWebhook(text: string): StoredWebhook | null {
  try {
    const stored: unknown = JSON.parse(text);
    const { user_id, org_id } = isPlainWebhook(stored) ? stored : storedWebhookSchema.parse(stored);
    return (user_id === undefined) === (org_id === undefined) ? null : (stored as StoredWebhook);
  } catch {
    // Not JSON, or another program's.
    return null;
  }
}

/**
 * Returns whether the schema accepts it; false where only the schema can tell. With more webhooks than are cached each
 * delivery reads one, and the schema took a tenth of its time (measured: docs/performance.md, "Where the time goes").
 */
function isPlainWebhook(stored: unknown): stored is StoredWebhook {
  const webhook = (stored ?? {}) as Partial<Record<keyof StoredWebhook, unknown>>;
  const { id, user_id, org_id, filter, headers, secrets, timeout_ms } = webhook;
  return (
    typeof id === "string" &&
    id.startsWith("wh_") &&
    (user_id === undefined || typeof user_id === "string") &&
    (org_id === undefined || typeof org_id === "string") &&
    typeof webhook.url === "string" &&
    typeof webhook.description === "string" &&
    typeof webhook.created_at === "string" &&
    typeof webhook.updated_at === "string" &&
    typeof webhook.enabled === "boolean" &&
    (DIALECT_NAMES as readonly unknown[]).includes(webhook.dialect) &&
    (filter === undefined || filter === null || typeof filter === "string") &&
    (webhook.disabled_reason === null || typeof webhook.disabled_reason === "string") &&
    webhook.disable_rule === null &&
    Number.isSafeInteger(timeout_ms) &&
    areTexts(webhook.events) &&
    areTexts(webhook.retry_schedule) &&
    (typeof headers === "string" || areTextsByName(headers)) &&
    (typeof secrets === "string" || (Array.isArray(secrets) && secrets.every(isSecret)))
  );
}

const areTexts = (value: unknown) =>
  Array.isArray(value) && value.every((one) => typeof one === "string");

function areTextsByName(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return areTexts(Object.values(value));
}

function isSecret(value: unknown): boolean {
  const { secret, expires_at } = (value ?? {}) as { secret?: unknown; expires_at?: unknown };
  return typeof secret === "string" && (expires_at === null || typeof expires_at === "string");
}

/** The same, and null for a webhook of another id or owner than those under whose key it is stored. */
export function readWebhookOf(text: string, id: string, owner: OwnerRef): StoredWebhook | null {
  const stored = readStoredWebhook(text);
  return stored !== null && stored.id === id && ownerOf(stored) === owner ? stored : null;
}

/**
 * Returns a substitute for a webhook whose record was damaged. Its events are unknown, so it gets all events of its
 * owner; since it counts as disabled, they are parked (guarantee 1).
 */
export function damagedWebhook(id: WebhookId, owner: OwnerRef): WebhookRecord {
  const { kind, id: ownerId } = splitOwnerRef(owner);
  return {
    id,
    ...(kind === "user" ? { user_id: ownerId } : { org_id: ownerId }),
    url: "",
    events: ["*"],
    dialect: "fluxdrop",
    filter: null,
    description: "",
    headers: {},
    enabled: false,
    disabled_reason: RECORD_UNREADABLE,
    disable_rule: null,
    timeout_ms: 0,
    retry_schedule: ["0s"],
    created_at: "",
    updated_at: "",
    secrets: [],
  };
}

/** Opens a stored webhook. Returns no promise where nothing is sealed. */
export function openWebhook(
  stored: StoredWebhook,
  box: SecretBox,
): OpenedWebhook | Promise<OpenedWebhook> {
  const { secrets, headers, filter = null } = stored;
  if (typeof secrets !== "string" && typeof headers !== "string") {
    return { record: { ...stored, filter, secrets, headers }, unreadable: NOTHING };
  }
  return openSealed(stored, box);
}

const NOTHING: readonly UnreadableField[] = [];

async function openSealed(stored: StoredWebhook, box: SecretBox): Promise<OpenedWebhook> {
  const unreadable: UnreadableField[] = [];
  async function open<Value>(
    field: UnreadableField["field"],
    value: Value | string,
    otherwise: Value,
  ): Promise<Value> {
    if (typeof value !== "string") return value;
    const opened = await box.open(value, placeOf(stored, field));
    if (opened.kind === "opened") return JSON.parse(opened.text) as Value;
    unreadable.push({ field, why: opened.kind, keyId: opened.keyId });
    return otherwise;
  }
  const record = {
    ...stored,
    filter: stored.filter ?? null,
    secrets: await open<Secrets>("secrets", stored.secrets, []),
    headers: await open<Headers>("headers", stored.headers, {}),
  };
  if (unreadable.length === 0) return { record, unreadable };
  return { record: { ...record, enabled: false, disabled_reason: SECRET_UNREADABLE }, unreadable };
}

/** Returns the text to store: sealed if there is a key, and without expired secrets. */
export async function sealWebhook(
  record: WebhookRecord,
  box: SecretBox,
  nowMs: number,
): Promise<string> {
  const secrets = record.secrets.filter(
    ({ expires_at }) => expires_at === null || Date.parse(expires_at) > nowMs,
  );
  const stored: StoredWebhook = { ...record, secrets };
  if (box.hasKey) {
    stored.secrets = await box.seal(JSON.stringify(secrets), placeOf(record, "secrets"));
    if (!isEmpty(record.headers)) {
      stored.headers = await box.seal(JSON.stringify(record.headers), placeOf(record, "headers"));
    }
  }
  return JSON.stringify(stored);
}

/**
 * The same for a webhook that could not be opened completely: a field that could not be read, and that `record` does
 * not replace, stays as it is in `before`.
 */
export async function resealWebhook(
  record: WebhookRecord,
  opened: OpenedWebhook,
  before: string,
  box: SecretBox,
  nowMs: number,
): Promise<string> {
  const text = await sealWebhook(record, box, nowMs);
  if (opened.unreadable.length === 0) return text;
  const stored = JSON.parse(text) as StoredWebhook;
  const earlier = JSON.parse(before) as StoredWebhook;
  for (const { field } of opened.unreadable) {
    if (record[field] === opened.record[field]) Object.assign(stored, { [field]: earlier[field] });
  }
  // Only this process counts it as disabled, until it can read it: that must not be stored.
  if (!record.enabled && record.disabled_reason === SECRET_UNREADABLE) {
    stored.enabled = earlier.enabled;
    stored.disabled_reason = earlier.disabled_reason;
  }
  return JSON.stringify(stored);
}

/** Returns whether it is sealed under the first key, or stored in plain if there is no key. */
export function hasCurrentSeal(text: string, box: SecretBox): boolean {
  const { secrets, headers } = JSON.parse(text) as StoredWebhook;
  return [secrets, headers].every((value) =>
    typeof value === "string" ? box.isCurrent(value) : !box.hasKey || isEmpty(value),
  );
}

function isEmpty(value: Secrets | Headers): boolean {
  return Object.keys(value).length === 0;
}

/** The owner is part of it: moved to another owner, the API would reveal the secret to that owner. */
function placeOf(
  webhook: Pick<WebhookRecord, "id" | "user_id" | "org_id">,
  field: UnreadableField["field"],
): string {
  return JSON.stringify(["webhook", ownerOf(webhook), webhook.id, field]);
}
