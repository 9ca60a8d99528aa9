// The registered webhooks in Valkey: one hash per owner (webhook id → JSON), a lookup from id to
// owner, and one capped stream that tells every worker whose webhooks changed.
import { BoundedMap } from "../../bounded-map.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import { ownerOf, WEBHOOKS_PER_OWNER, type WebhookRecord } from "../../wire/webhook.ts";
import type { SharedKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import { Script } from "../connection/script.ts";
import {
  damagedWebhook,
  isSealedAsNow,
  isWebhookOf,
  openWebhook,
  resealWebhook,
  sealWebhook,
  type Unreadable,
} from "./sealed-webhook.ts";
import { SecretBox } from "./secret-box.ts";
import { nameWrongKeys } from "../connection/wrong-keys.ts";
import saveText from "../scripts/save-webhook.lua" with { type: "text" };

const saveScript = new Script(saveText);

/** More changes than a worker can fall behind by; one that does drops its whole cache. */
const MAX_CHANGES = 10_000;
/** What is read and sealed at once, while others are served too. */
const SEALED_AT_ONCE = 100;

/** Remember this many webhooks that were reported as unreadable; older ones are reported again. */
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
  /** A webhook was read that cannot be opened here, or is damaged; told once until it is changed. */
  onUnreadable?: (record: WebhookRecord, unreadable: Unreadable) => void;
}

/** What became of a page of webhooks that were to be sealed under the first key. */
export interface SealedPage {
  /** Where the next page begins; null after the last one. */
  next: string | null;
  sealed: number;
  unreadable: number;
}

/** A webhook as it is stored: its text may be damaged. */
interface Stored {
  id: string;
  owner: OwnerRef;
  text: string;
}

interface Asked {
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
    // The lookup first: one that leads nowhere harms nobody, a webhook that cannot be found does.
    await this.link.run((client) => client.hset(this.keys.webhookOwners, record.id, owner));
    const text = await sealWebhook(record, this.box, Date.now());
    const saved = await this.save(record, text, "");
    if (saved.verdict === "saved") {
      await this.announce(owner);
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

  /** An owner's webhooks, the oldest first. */
  async list(owner: OwnerRef): Promise<WebhookRecord[]> {
    const found = await this.readAll(owner);
    const records = await Promise.all(found.map((stored) => this.open(stored)));
    return records.toSorted(
      (a, b) => a.created_at.localeCompare(b.created_at) || (a.id < b.id ? -1 : 1),
    );
  }

  private asked: Asked[] = [];

  /** What is asked for in one turn goes to Valkey in one write: each alone costs as much as they all. */
  private readAll(owner: OwnerRef): Promise<Stored[]> {
    const { promise, resolve, reject } = Promise.withResolvers<Stored[]>();
    this.asked.push({ owner, resolve, reject });
    if (this.asked.length === 1) queueMicrotask(() => void this.readAsked());
    return promise;
  }

  private async readAsked(): Promise<void> {
    const asked = this.asked;
    this.asked = [];
    try {
      const replies = await this.link.run(async (client) => {
        const pipeline = client.pipeline();
        // Not `hgetall`, which makes an object: it would lose a field named `__proto__`.
        for (const { owner } of asked) pipeline.call("HGETALL", this.keys.webhooks(owner));
        const all = (await pipeline.exec()) ?? [];
        // Of one key alone, which holds something else; any other error is the connection's.
        const failed = all.find(([error]) => error && !error.message.startsWith("WRONGTYPE "));
        if (failed?.[0]) throw failed[0];
        for (const [error] of all) await nameWrongKeys(client, error);
        return all;
      });
      for (const [at, one] of asked.entries()) {
        const [error, fields] = replies[at] ?? [new Error("a pipeline was answered in part")];
        if (error) one.reject(error);
        else one.resolve(storedIn(fields as string[], one.owner));
      }
    } catch (error) {
      for (const one of asked) one.reject(error);
    }
  }

  /** Changes a webhook; `change` runs again on what it has become where somebody else was faster. */
  async update(
    id: string,
    change: (current: WebhookRecord) => WebhookRecord,
  ): Promise<WebhookUpdated> {
    for (;;) {
      const stored = await this.read(id);
      if (stored === null) return { updated: null, why: "missing" };
      const { text, owner } = stored;
      if (!isWebhookOf(text, id, owner)) return { updated: null, why: "unreadable" };
      const opened = await openWebhook(text, this.box);
      const next = change(opened.record);
      if (next === opened.record) return { updated: next };
      const nextText = await resealWebhook(next, opened, text, this.box, Date.now());
      const saved = await this.save(next, nextText, text);
      if (saved.verdict === "saved") {
        await this.announce(ownerOf(next));
        return { updated: await this.open({ id, owner, text: nextText }) };
      }
      if (saved.verdict === "duplicate") return { updated: null, why: "duplicate", id: saved.id };
    }
  }

  async delete(id: string): Promise<boolean> {
    const owner = await this.ownerOf(id);
    if (owner === null) return false;
    const deleted = await this.link.run((client) => client.hdel(this.keys.webhooks(owner), id));
    await this.announce(owner);
    await this.link.run(async (client) => {
      await client.hdel(this.keys.webhookOwners, id);
      await client.del(this.keys.health(id));
    });
    return deleted === 1;
  }

  /**
   * Seals a page of webhooks that stand there in plain or under an older key, so that this key can be
   * removed. `after` is null for the first page; no webhook is missed that is there all along.
   */
  async sealPage(after: string | null): Promise<SealedPage> {
    const [next, found] = await this.link.run((client) =>
      client.hscan(this.keys.webhookOwners, after ?? "0", "COUNT", SEALED_AT_ONCE),
    );
    const ids = found.filter((_, at) => at % 2 === 0);
    const outcomes = await Promise.all(ids.map((id) => this.sealAsNow(id)));
    return {
      next: next === "0" ? null : next,
      sealed: outcomes.filter((outcome) => outcome === "sealed").length,
      unreadable: outcomes.filter((outcome) => outcome === "unreadable").length,
    };
  }

  /** Not announced: what the webhook is has not changed. */
  private async sealAsNow(id: string): Promise<"as-now" | "sealed" | "unreadable"> {
    for (;;) {
      const stored = await this.read(id);
      if (stored === null) return "as-now";
      const { text, owner } = stored;
      if (!isWebhookOf(text, id, owner)) return "unreadable";
      if (isSealedAsNow(text, this.box)) return "as-now";
      const { record, unreadable } = await openWebhook(text, this.box);
      if (unreadable.length > 0) return "unreadable";
      const sealed = await sealWebhook(record, this.box, Date.now());
      const { verdict } = await this.save(record, sealed, text);
      // Whoever changed it meanwhile may have sealed it otherwise, or not at all.
      if (verdict !== "changed") return verdict === "saved" ? "sealed" : "as-now";
    }
  }

  private async open({ id, owner, text }: Stored): Promise<WebhookRecord> {
    if (!isWebhookOf(text, id, owner)) {
      const damaged = damagedWebhook(id, owner);
      this.reportUnreadable(damaged, { field: "record", why: "damaged", keyId: "" });
      return damaged;
    }
    const { record, unreadable } = await openWebhook(text, this.box);
    const [first] = unreadable;
    if (first) this.reportUnreadable(record, first);
    return record;
  }

  private reportUnreadable(record: WebhookRecord, unreadable: Unreadable): void {
    const version = `${record.id} ${record.updated_at}`;
    if (this.reported.has(version)) return;
    this.reported.set(version, true);
    this.options.onUnreadable?.(record, unreadable);
  }

  /** Stores `text` if what stands there is still what it replaces. */
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

  private async announce(owner: OwnerRef): Promise<void> {
    await this.link.run((client) =>
      client.xadd(this.keys.changes, "MAXLEN", "~", MAX_CHANGES, "*", "owner", owner),
    );
  }

  private async ownerOf(id: string): Promise<OwnerRef | null> {
    const owner = await this.link.run((client) => client.hget(this.keys.webhookOwners, id));
    // Another program's value leads to no webhook.
    return owner !== null && /^(user|org):/.test(owner) ? (owner as OwnerRef) : null;
  }

  private async read(id: string): Promise<Stored | null> {
    const owner = await this.ownerOf(id);
    if (owner === null) return null;
    const text = await this.link.run((client) => client.hget(this.keys.webhooks(owner), id));
    return text === null ? null : { id, owner, text };
  }
}

/** The pairs of field and value that HGETALL answers. */
function storedIn(fields: readonly string[], owner: OwnerRef): Stored[] {
  const found: Stored[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    found.push({ id: fields[at] ?? "", owner, text: fields[at + 1] ?? "" });
  }
  return found;
}
