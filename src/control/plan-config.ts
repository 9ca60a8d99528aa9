// What a configuration document makes of an owner's webhooks. Pure.
import { isDeepStrictEqual } from "node:util";
import type { ConfigChanges, ConfigEntry, GivenEntry } from "../wire/config-document.ts";
import { dialectOf } from "../wire/dialects/registry.ts";
import type { WebhookId } from "../wire/ids.ts";
import { splitOwnerRef, type OwnerRef } from "../wire/owner.ts";
import {
  webhookCreateSchema,
  WEBHOOKS_PER_OWNER,
  type WebhookPatch,
  type WebhookRecord,
} from "../wire/webhook.ts";
import { rotateSecret } from "./rotate-secret.ts";
import { applyPatch, newWebhook } from "./webhook-changes.ts";

/** How long a secret that a document replaces still signs: the default of `rotate-secret`. */
const GRACE_MS = 24 * 3_600_000;

export interface ConfigProblem {
  /** Such as `webhooks.2.url`. */
  field: string;
  code: string;
  message: string;
}

/** An entry and its position in the document. */
export type IndexedEntry = readonly [index: number, entry: GivenEntry];

/** What the caller makes: it is random or tells the time. */
export interface Made {
  at: Date;
  newId: () => WebhookId;
  newSecret: () => string;
  /** The schedule of new webhooks where FLUXHOOK_RETRY_SCHEDULE is set; else their dialect's. */
  retrySchedule?: readonly string[];
}

/** Compares two problems by the positions of their entries. */
export function byEntry(a: { field: string }, b: { field: string }): number {
  return Number(a.field.split(".")[1] ?? 0) - Number(b.field.split(".")[1] ?? 0);
}

export interface ConfigPlan {
  created: { index: number; record: WebhookRecord }[];
  changed: { index: number; record: WebhookRecord; before: WebhookRecord; fields: string[] }[];
  deleted: WebhookRecord[];
}

export type Planned = { ok: true; plan: ConfigPlan } | { ok: false; problems: ConfigProblem[] };

/**
 * Plans the change of `current`, all webhooks of the owner that the document shows, to `entries`.
 * `hidden`: how many more the owner has that the document does not show.
 */
export function planConfig(
  owner: OwnerRef,
  { current, hidden }: { current: readonly WebhookRecord[]; hidden: number },
  entries: readonly GivenEntry[],
  made: Made,
): Planned {
  const byId = new Map<string, WebhookRecord>(current.map((record) => [record.id, record]));
  const problems = findConflicts(current, [...entries.entries()]);
  if (entries.length + hidden > WEBHOOKS_PER_OWNER) {
    const message = `an owner has at most ${WEBHOOKS_PER_OWNER} webhooks; ${hidden} more belong to sessions of fluxhook listen`;
    problems.push({ field: "webhooks", code: "too_many", message });
  }
  if (problems.length > 0) return { ok: false, problems };

  const plan: ConfigPlan = { created: [], changed: [], deleted: [] };
  // In ascending order: webhooks that are created together are listed by their ids.
  const ids = entries.flatMap(({ id }) => (id === undefined ? made.newId() : [])).toSorted();
  const kept = new Set<WebhookId>();
  for (const [index, entry] of entries.entries()) {
    const before = entry.id === undefined ? undefined : byId.get(entry.id);
    if (before === undefined) {
      const record = created(owner, entry, ids[plan.created.length] ?? made.newId(), made);
      plan.created.push({ index, record });
      continue;
    }
    kept.add(before.id);
    const change = changed(before, entry, made.at);
    if (change !== null) plan.changed.push({ index, before, ...change });
  }
  plan.deleted = current.filter(({ id }) => !kept.has(id));
  return { ok: true, plan };
}

/** Returns ids that the owner does not have, and ids and urls that are given twice. */
export function findConflicts(
  current: readonly WebhookRecord[],
  entries: readonly IndexedEntry[],
): ConfigProblem[] {
  const byId = new Map<string, WebhookRecord>(current.map((record) => [record.id, record]));
  const problems: ConfigProblem[] = [];
  const idAt = new Map<string, number>();
  const urlAt = new Map<string, number>();
  for (const [index, { id, url }] of entries) {
    const field = (name: string) => `webhooks.${index}.${name}`;
    const record = id === undefined ? undefined : byId.get(id);
    if (id !== undefined) {
      const first = idAt.get(id);
      if (first !== undefined) {
        const message = `is the id of webhooks.${first} too`;
        problems.push({ field: field("id"), code: "duplicate", message });
        continue;
      }
      idAt.set(id, index);
      if (record === undefined) {
        const message =
          "this owner has no webhook with this id; an entry without an id creates one";
        problems.push({ field: field("id"), code: "unknown_id", message });
        continue;
      }
    }
    const wanted = url ?? record?.url ?? "";
    const first = urlAt.get(wanted);
    if (first !== undefined) {
      const message = `is the url of webhooks.${first} too`;
      problems.push({ field: field("url"), code: "duplicate", message });
    } else urlAt.set(wanted, index);
  }
  return problems;
}

function created(owner: OwnerRef, entry: GivenEntry, id: WebhookId, made: Made): WebhookRecord {
  const { kind, id: ownerId } = splitOwnerRef(owner);
  const { id: _none, ...fields } = entry;
  // The schema fills in the defaults.
  const input = webhookCreateSchema.parse({ ...fields, [`${kind}_id`]: ownerId });
  return newWebhook(input, {
    id,
    secret: made.newSecret(),
    at: made.at.toISOString(),
    dialect: dialectOf(input.dialect),
    retrySchedule: made.retrySchedule,
  });
}

/** Null if the entry changes nothing. */
function changed(
  before: WebhookRecord,
  { id: _id, secret, ...fields }: GivenEntry,
  at: Date,
): { record: WebhookRecord; fields: string[] } | null {
  const names = (Object.keys(fields) as (keyof WebhookPatch)[]).filter(
    (name) => fields[name] !== undefined && !isDeepStrictEqual(fields[name], before[name]),
  );
  const isNewSecret = secret !== undefined && secret !== before.secrets[0]?.secret;
  if (names.length === 0 && !isNewSecret) return null;
  const patch: WebhookPatch = Object.fromEntries(names.map((name) => [name, fields[name]]));
  const patched = names.length === 0 ? before : applyPatch(before, patch, at.toISOString());
  const record = isNewSecret
    ? rotateSecret(patched, { secret, graceMs: GRACE_MS, nowMs: at.getTime() })
    : patched;
  return { record, fields: isNewSecret ? [...names, "secret"] : names };
}

export function entryOf(record: WebhookRecord): ConfigEntry {
  const { id, url, events, dialect, filter, description, headers, enabled } = record;
  const { disable_rule, timeout_ms, retry_schedule } = record;
  const rest = { disable_rule, timeout_ms, retry_schedule };
  return { id, url, events, dialect, filter, description, headers, enabled, ...rest };
}

/** Describes a plan; with `isDone` with the ids and secrets of the webhooks that it has created. */
export function changesOf(
  { created: made, changed: edited, deleted }: ConfigPlan,
  isDone: boolean,
): ConfigChanges {
  return {
    created: made.map(({ index, record: { id, url, secrets } }) =>
      isDone ? { index, url, id, secret: secrets[0]?.secret } : { index, url },
    ),
    changed: edited.map(({ index, record: { id, url }, fields }) => ({ index, id, url, fields })),
    deleted: deleted.map(({ id, url }) => ({ id, url })),
  };
}
