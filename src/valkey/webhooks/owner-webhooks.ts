// Reads all webhooks of an owner and replaces them in one atomic step, for the configuration document.
import type { WebhookId } from "../../wire/ids.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { WebhookRecord } from "../../wire/webhook.ts";
import type { StoreLink } from "../connection/link.ts";
import { Script } from "../connection/script.ts";
import type { SharedKeys } from "../keys.ts";
import replaceText from "../scripts/replace-webhooks.lua" with { type: "text" };
import { openWebhook, readWebhookOf, sealWebhook } from "./sealed-webhook.ts";
import { indexDisabled } from "./disabled-index.ts";
import type { SecretBox } from "./secret-box.ts";
import { announceChange, byAge, storedIn } from "./webhook-store.ts";

const replaceScript = new Script(replaceText);

/** All webhooks of an owner at one moment. */
export interface WebhooksRead {
  /** The oldest first. Incomplete if there are unreadable ones. */
  records: readonly WebhookRecord[];
  /** The ids of webhooks that are damaged, or sealed under a key that this process does not have. */
  unreadable: readonly WebhookId[];
  /** The stored texts by id: `replace` compares them with what is stored then. */
  texts: ReadonlyMap<WebhookId, string>;
}

export interface Replacement {
  created: readonly WebhookRecord[];
  changed: readonly WebhookRecord[];
  deleted: readonly WebhookId[];
}

/** Every method may throw ValkeyUnavailable. */
export class OwnerWebhooks {
  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
    private readonly box: SecretBox,
  ) {}

  async read(owner: OwnerRef): Promise<WebhooksRead> {
    const key = this.keys.webhooks(owner);
    // Not `hgetall`, which makes an object: it would lose a field named `__proto__`.
    const fields = await this.link.run((client) => client.call("HGETALL", key));
    const stored = storedIn(fields as string[], owner);
    const opened = await Promise.all(
      stored.map(async ({ id, text }) => {
        const webhook = readWebhookOf(text, id, owner);
        if (webhook === null) return { id, record: null };
        const { record, unreadable } = await openWebhook(webhook, this.box);
        return { id, record: unreadable.length === 0 ? record : null };
      }),
    );
    return {
      records: opened.flatMap(({ record }) => record ?? []).toSorted(byAge),
      unreadable: opened.flatMap(({ id, record }) => (record === null ? [id] : [])),
      texts: new Map(stored.map(({ id, text }) => [id, text])),
    };
  }

  /** Returns false, and changes nothing, if a webhook of the owner is not as it was read. */
  async replace(owner: OwnerRef, read: WebhooksRead, wanted: Replacement): Promise<boolean> {
    const { webhookOwners } = this.keys;
    const made = wanted.created.map(({ id }) => id);
    // The lookup first: a lookup without a webhook is harmless, but a webhook that cannot be found is not.
    if (made.length > 0) {
      const lookups = made.flatMap((id) => [id, owner]);
      await this.link.run((client) => client.hset(webhookOwners, ...lookups));
    }
    const saved = [...wanted.created, ...wanted.changed];
    const texts = await Promise.all(saved.map((one) => sealWebhook(one, this.box, Date.now())));
    const args = [
      read.texts.size,
      ...[...read.texts].flat(),
      saved.length,
      ...saved.flatMap(({ id }, at) => [id, texts[at] ?? ""]),
      ...wanted.deleted,
    ];
    const isDone =
      (await this.link.run((client) =>
        replaceScript.run(client, [this.keys.webhooks(owner)], args),
      )) === 1;
    if (isDone) {
      await announceChange(this.link, this.keys, owner);
      await indexDisabled(this.link, this.keys, saved, wanted.deleted);
    }
    const gone = isDone ? wanted.deleted : made;
    if (gone.length > 0) {
      await this.link.run(async (client) => {
        await client.hdel(webhookOwners, ...gone);
        await client.del(...gone.map((id) => this.keys.health(id)));
      });
    }
    return isDone;
  }

  /** Deletes all of an owner, damaged ones too. Returns how many there were. */
  async deleteAll(owner: OwnerRef): Promise<number> {
    const key = this.keys.webhooks(owner);
    const ids = (await this.link.run((client) => client.hkeys(key))) as WebhookId[];
    await this.link.run((client) => client.del(key));
    await announceChange(this.link, this.keys, owner);
    if (ids.length === 0) return 0;
    await indexDisabled(this.link, this.keys, [], ids);
    await this.link.run(async (client) => {
      await client.hdel(this.keys.webhookOwners, ...ids);
      await client.del(...ids.map((id) => this.keys.health(id)));
    });
    return ids.length;
  }
}
