// The registered webhooks in Valkey: one hash per owner (webhook id → JSON), a lookup from id to
// owner, and one capped stream that tells every worker whose webhooks changed.
import type { OwnerRef } from "../wire/owner.ts";
import { ownerOf, WEBHOOKS_PER_OWNER, type WebhookRecord } from "../wire/webhook.ts";
import type { SharedKeys } from "./keys.ts";
import type { Link } from "./link.ts";
import { Script } from "./script.ts";
import saveText from "./scripts/save-webhook.lua" with { type: "text" };

const saveScript = new Script(saveText);

/** More changes than a worker can fall behind by; one that does drops its whole cache. */
const CHANGES_KEPT = 10_000;

export class WebhookStore {
  constructor(
    private readonly link: Link,
    private readonly keys: SharedKeys,
  ) {}

  async create(
    record: WebhookRecord,
  ): Promise<
    | { created: true }
    | { created: false; why: "full" }
    | { created: false; why: "duplicate"; id: string }
  > {
    const owner = ownerOf(record);
    // The lookup first: one that leads nowhere harms nobody, a webhook that cannot be found does.
    await this.link.run((client) => client.hset(this.keys.webhookOwners, record.id, owner));
    const saved = await this.save(record, "");
    if (saved.verdict === "saved") return { created: true };
    await this.link.run((client) => client.hdel(this.keys.webhookOwners, record.id));
    return saved.verdict === "duplicate"
      ? { created: false, why: "duplicate", id: saved.id }
      : { created: false, why: "full" };
  }

  async get(id: string): Promise<WebhookRecord | null> {
    const text = await this.read(id);
    return text === null ? null : (JSON.parse(text) as WebhookRecord);
  }

  /** An owner's webhooks, the oldest first. */
  async list(owner: OwnerRef): Promise<WebhookRecord[]> {
    const texts = await this.link.run((client) => client.hvals(this.keys.webhooks(owner)));
    return texts
      .map((text) => JSON.parse(text) as WebhookRecord)
      .toSorted((a, b) => a.created_at.localeCompare(b.created_at) || (a.id < b.id ? -1 : 1));
  }

  /** Changes a webhook; `change` runs again on what it has become where somebody else was faster. */
  async update(
    id: string,
    change: (current: WebhookRecord) => WebhookRecord,
  ): Promise<
    | { updated: WebhookRecord }
    | { updated: null; why: "missing" }
    | { updated: null; why: "duplicate"; id: string }
  > {
    for (;;) {
      const text = await this.read(id);
      if (text === null) return { updated: null, why: "missing" };
      const current = JSON.parse(text) as WebhookRecord;
      const next = change(current);
      if (next === current) return { updated: current };
      const saved = await this.save(next, text);
      if (saved.verdict === "saved") return { updated: next };
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

  private async save(
    record: WebhookRecord,
    replaces: string,
  ): Promise<{ verdict: "saved" | "full" | "changed" } | { verdict: "duplicate"; id: string }> {
    const owner = ownerOf(record);
    const [verdict, id] = (await this.link.run((client) =>
      saveScript.run(
        client,
        [this.keys.webhooks(owner)],
        [record.id, replaces, JSON.stringify(record), record.url, WEBHOOKS_PER_OWNER],
      ),
    )) as [Buffer, Buffer?];
    if (String(verdict) === "duplicate") return { verdict: "duplicate", id: String(id) };
    if (String(verdict) === "saved") await this.announce(owner);
    return { verdict: String(verdict) as "saved" | "full" | "changed" };
  }

  private async announce(owner: OwnerRef): Promise<void> {
    await this.link.run((client) =>
      client.xadd(this.keys.changes, "MAXLEN", "~", CHANGES_KEPT, "*", "owner", owner),
    );
  }

  private async ownerOf(id: string): Promise<OwnerRef | null> {
    const owner = await this.link.run((client) => client.hget(this.keys.webhookOwners, id));
    return owner as OwnerRef | null;
  }

  private async read(id: string): Promise<string | null> {
    const owner = await this.ownerOf(id);
    if (owner === null) return null;
    return this.link.run((client) => client.hget(this.keys.webhooks(owner), id));
  }
}
