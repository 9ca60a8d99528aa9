// Stores the registered webhooks: one hash per owner (webhook id → JSON), a lookup from id to owner, and one capped
// stream that notifies every worker of changes.
import type { WebhookId } from "../../wire/ids.ts";
import { BoundedMap } from "../../bounded-map.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import { ownerOf, WEBHOOKS_PER_OWNER, type WebhookRecord } from "../../wire/webhook.ts";
import type { SharedKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import { MAX_CHANGES } from "../connection/change-stream.ts";
import { Script } from "../connection/script.ts";
import {
  damagedWebhook,
  hasCurrentSeal,
  openWebhook,
  readWebhookOf,
  resealWebhook,
  sealWebhook,
  type OpenedWebhook,
  type Unreadable,
} from "./sealed-webhook.ts";
import { indexDisabled } from "./disabled-index.ts";
import { SecretBox } from "./secret-box.ts";
import { nameWrongKeys } from "../connection/wrong-keys.ts";
import saveText from "../scripts/save-webhook.lua" with { type: "text" };

const saveScript = new Script(saveText);

/** How many a step of a walk looks at. */
const SCANNED_AT_ONCE = 200;
/** How many are read and sealed at once; between two pages, other work runs. */
const SEALED_AT_ONCE = 100;

/** Remembers up to this many webhooks that were reported as unreadable; older ones are reported again. */
const MAX_REPORTED = 10_000;

export type WebhookCreated =
  | { created: true }
  | { created: false; why: "full" }
  | { created: false; why: "duplicate"; id: string };

export type WebhookUpdated =
  | { updated: WebhookRecord }
  | { updated: null; why: "missing" }
  /** Its record was damaged in Valkey. */
  | { updated: null; why: "unreadable" }
  | { updated: null; why: "duplicate"; id: string };

export interface WebhookStoreOptions {
  box?: SecretBox;
  /** Called for a webhook that cannot be opened here or is damaged; once, and again after it was changed. */
  onUnreadable?: (record: WebhookRecord, unreadable: Unreadable) => void;
}

/** The result of sealing a page of webhooks under the first key. */
export interface SealedPage {
  /** Where the next page begins; null after the last one. */
  next: string | null;
  sealed: number;
  unreadable: number;
}

/** A webhook as it is stored: its text may be damaged. */
export interface Stored {
  id: WebhookId;
  owner: OwnerRef;
  text: string;
}

/** A webhook as the lookup has it. */
export interface FoundWebhook {
  id: WebhookId;
  owner: OwnerRef;
}

interface PendingRead {
  owner: OwnerRef;
  resolve: (found: Stored[]) => void;
  reject: (error: unknown) => void;
}

export class WebhookStore {
  private readonly box: SecretBox;
  private readonly reported = new BoundedMap<string, true>(MAX_REPORTED);

  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
    private readonly options: WebhookStoreOptions = {},
  ) {
    this.box = options.box ?? new SecretBox([]);
  }

  async create(record: WebhookRecord): Promise<WebhookCreated> {
    const owner = ownerOf(record);
    // The lookup first: a lookup without a webhook is harmless, but a webhook that cannot be found is not.
    await this.link.run((client) => client.hset(this.keys.webhookOwners, record.id, owner));
    const text = await sealWebhook(record, this.box, Date.now());
    const saved = await this.save(record, text, "");
    if (saved.verdict === "saved") {
      await this.announce(owner);
      if (!record.enabled) await indexDisabled(this.link, this.keys, [record]);
      return { created: true };
    }
    await this.link.run((client) => client.hdel(this.keys.webhookOwners, record.id));
    return saved.verdict === "duplicate"
      ? { created: false, why: "duplicate", id: saved.id }
      : { created: false, why: "full" };
  }

  async get(id: string): Promise<WebhookRecord | null> {
    const stored = await this.read(id);
    return stored === null ? null : this.open(stored);
  }

  /** Returns an owner's webhooks, the oldest first. */
  async list(owner: OwnerRef): Promise<WebhookRecord[]> {
    const found = await this.readAll(owner);
    const records = await Promise.all(found.map(async (stored) => this.open(stored)));
    return records.toSorted(byAge);
  }

  private pendingReads: PendingRead[] = [];

  /** Sends all reads of one turn of the event loop in one write: one costs as much as many. */
  private readAll(owner: OwnerRef): Promise<Stored[]> {
    const { promise, resolve, reject } = Promise.withResolvers<Stored[]>();
    this.pendingReads.push({ owner, resolve, reject });
    if (this.pendingReads.length === 1) queueMicrotask(() => void this.readPending());
    return promise;
  }

  private async readPending(): Promise<void> {
    const pending = this.pendingReads;
    this.pendingReads = [];
    try {
      const replies = await this.link.run(async (client) => {
        const pipeline = client.pipeline();
        // Not `hgetall`, which makes an object: it would lose a field named `__proto__`.
        for (const { owner } of pending) pipeline.call("HGETALL", this.keys.webhooks(owner));
        const all = (await pipeline.exec()) ?? [];
        // WRONGTYPE concerns one key; any other error concerns the connection.
        const failed = all.find(([error]) => error && !error.message.startsWith("WRONGTYPE "));
        if (failed?.[0]) throw failed[0];
        for (const [error] of all) await nameWrongKeys(client, error);
        return all;
      });
      for (const [at, one] of pending.entries()) {
        const [error, fields] = replies[at] ?? [new Error("a pipeline was answered in part")];
        if (error) one.reject(error);
        else one.resolve(storedIn(fields as string[], one.owner));
      }
    } catch (error) {
      for (const one of pending) one.reject(error);
    }
  }

  /** Takes a step of a walk over all webhooks: "0" begins it, and `next` is null after the last step. */
  async scan(cursor: string): Promise<{ found: FoundWebhook[]; next: string | null }> {
    const [next, fields] = await this.link.run((client) =>
      client.hscan(this.keys.webhookOwners, cursor, "COUNT", SCANNED_AT_ONCE),
    );
    const found: FoundWebhook[] = [];
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const owner = fields[at + 1] ?? "";
      if (isOwnerRef(owner)) found.push({ id: fields[at] as WebhookId, owner });
    }
    return { found, next: next === "0" ? null : next };
  }

  /** Returns the webhooks in the order of `found`; null for one that is not there (any more). */
  async getAll(found: readonly FoundWebhook[]): Promise<(WebhookRecord | null)[]> {
    const texts = await this.link.run((client) =>
      Promise.all(found.map(({ id, owner }) => client.hget(this.keys.webhooks(owner), id))),
    );
    return Promise.all(
      found.map(async ({ id, owner }, at) => {
        const text = texts[at] ?? null;
        return text === null ? null : this.open({ id, owner, text });
      }),
    );
  }

  /** Changes a webhook. `change` runs again on the new record if another process changed it meanwhile. */
  async update(
    id: WebhookId,
    change: (current: WebhookRecord) => WebhookRecord,
  ): Promise<WebhookUpdated> {
    for (;;) {
      const stored = await this.read(id);
      if (stored === null) return { updated: null, why: "missing" };
      const { text, owner } = stored;
      const webhook = readWebhookOf(text, id, owner);
      if (webhook === null) return { updated: null, why: "unreadable" };
      const opened = await openWebhook(webhook, this.box);
      const next = change(opened.record);
      if (next === opened.record) return { updated: next };
      const nextText = await resealWebhook(next, opened, text, this.box, Date.now());
      const saved = await this.save(next, nextText, text);
      if (saved.verdict === "saved") {
        await this.announce(ownerOf(next));
        if (next.enabled !== opened.record.enabled) {
          await indexDisabled(this.link, this.keys, [next]);
        }
        return { updated: await this.open({ id, owner, text: nextText }) };
      }
      if (saved.verdict === "duplicate") return { updated: null, why: "duplicate", id: saved.id };
    }
  }

  async delete(id: WebhookId): Promise<boolean> {
    const owner = await this.ownerOf(id);
    if (owner === null) return false;
    const deleted = await this.link.run((client) => client.hdel(this.keys.webhooks(owner), id));
    await this.announce(owner);
    await this.link.run(async (client) => {
      await client.hdel(this.keys.webhookOwners, id);
      await client.del(this.keys.health(id));
    });
    await indexDisabled(this.link, this.keys, [], [id]);
    return deleted === 1;
  }

  /**
   * Seals a page of webhooks that are stored in plain or under an older key, so that the older key can be removed.
   * `after` is null for the first page. The pages include every webhook that exists throughout.
   */
  async sealPage(after: string | null): Promise<SealedPage> {
    const [next, found] = await this.link.run((client) =>
      client.hscan(this.keys.webhookOwners, after ?? "0", "COUNT", SEALED_AT_ONCE),
    );
    const ids = found.filter((_, at) => at % 2 === 0);
    const outcomes = await Promise.all(ids.map((id) => this.sealAgain(id)));
    return {
      next: next === "0" ? null : next,
      sealed: outcomes.filter((outcome) => outcome === "sealed").length,
      unreadable: outcomes.filter((outcome) => outcome === "unreadable").length,
    };
  }

  /** Does not announce a change: the webhook itself does not change. */
  private async sealAgain(id: string): Promise<"current" | "sealed" | "unreadable"> {
    for (;;) {
      const stored = await this.read(id);
      if (stored === null) return "current";
      const { text, owner } = stored;
      const webhook = readWebhookOf(text, id, owner);
      if (webhook === null) return "unreadable";
      if (hasCurrentSeal(text, this.box)) return "current";
      const { record, unreadable } = await openWebhook(webhook, this.box);
      if (unreadable.length > 0) return "unreadable";
      const sealed = await sealWebhook(record, this.box, Date.now());
      const { verdict } = await this.save(record, sealed, text);
      // Another process changed it meanwhile, and may have sealed it under another key or not at all.
      if (verdict !== "changed") return verdict === "saved" ? "sealed" : "current";
    }
  }

  /** Returns no promise where nothing is sealed. */
  private open({ id, owner, text }: Stored): WebhookRecord | Promise<WebhookRecord> {
    const stored = readWebhookOf(text, id, owner);
    if (stored === null) {
      const damaged = damagedWebhook(id, owner);
      this.reportUnreadable(damaged, { field: "record", why: "damaged", keyId: "" });
      return damaged;
    }
    const opening = openWebhook(stored, this.box);
    return opening instanceof Promise
      ? opening.then((opened) => this.opened(opened))
      : this.opened(opening);
  }

  private opened({ record, unreadable: [first] }: OpenedWebhook): WebhookRecord {
    if (first) this.reportUnreadable(record, first);
    return record;
  }

  private reportUnreadable(record: WebhookRecord, unreadable: Unreadable): void {
    const version = `${record.id} ${record.updated_at}`;
    if (this.reported.has(version)) return;
    this.reported.set(version, true);
    this.options.onUnreadable?.(record, unreadable);
  }

  /** Stores `text` if the stored text is still `replaces`. */
  private async save(
    record: WebhookRecord,
    text: string,
    replaces: string,
  ): Promise<{ verdict: "saved" | "full" | "changed" } | { verdict: "duplicate"; id: string }> {
    const owner = ownerOf(record);
    const [verdict, id] = (await this.link.run((client) =>
      saveScript.run(
        client,
        [this.keys.webhooks(owner)],
        [record.id, replaces, text, record.url, WEBHOOKS_PER_OWNER],
      ),
    )) as [Buffer, Buffer?];
    if (String(verdict) === "duplicate") return { verdict: "duplicate", id: String(id) };
    return { verdict: String(verdict) as "saved" | "full" | "changed" };
  }

  private announce(owner: OwnerRef): Promise<void> {
    return announceChange(this.link, this.keys, owner);
  }

  private async ownerOf(id: string): Promise<OwnerRef | null> {
    const owner = await this.link.run((client) => client.hget(this.keys.webhookOwners, id));
    return owner !== null && isOwnerRef(owner) ? owner : null;
  }

  private async read(id: string): Promise<Stored | null> {
    const owner = await this.ownerOf(id);
    if (owner === null) return null;
    const text = await this.link.run((client) => client.hget(this.keys.webhooks(owner), id));
    return text === null ? null : { id: id as WebhookId, owner, text };
  }
}

/** Notifies every worker that the webhooks of an owner have changed. */
export async function announceChange(
  link: StoreLink,
  keys: SharedKeys,
  owner: OwnerRef,
): Promise<void> {
  await link.run((client) =>
    client.xadd(keys.changes, "MAXLEN", "~", MAX_CHANGES, "*", "owner", owner),
  );
}

/** Compares two webhooks: the older one comes first. */
export function byAge(a: WebhookRecord, b: WebhookRecord): number {
  return a.created_at.localeCompare(b.created_at) || (a.id < b.id ? -1 : 1);
}

/** Parses the reply of HGETALL: fields and values in turn. */
export function storedIn(fields: readonly string[], owner: OwnerRef): Stored[] {
  const found: Stored[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    found.push({ id: fields[at] as WebhookId, owner, text: fields[at + 1] ?? "" });
  }
  return found;
}

/** A value that another program wrote is not an owner. */
function isOwnerRef(text: string): text is OwnerRef {
  return /^(user|org):/.test(text);
}
