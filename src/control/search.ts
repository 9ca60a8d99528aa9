// One search over everything: an id exactly, or a part of a webhook's URL, description or owner. There is no
// index for parts, so the search looks at a bounded number of webhooks and says so.
import type { LogStore } from "../valkey/history/log-store.ts";
import type { FoundWebhook, WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import { isEventId } from "../wire/event.ts";
import { isDeliveryId, isWebhookId } from "../wire/ids.ts";
import { isOwnerId, ownerRef, type OwnerRef } from "../wire/owner.ts";
import { ownerOf, type WebhookRecord } from "../wire/webhook.ts";
import type { ListedParked, LocatedDelivery, Redelivery } from "./redelivery.ts";

export const MAX_FOUND = 20;
/** What a part of a URL is looked for in: reading so many takes Valkey about 10 ms. */
const MAX_SCANNED = 2_000;
const READ_AT_ONCE = 200;
/** The newest parked deliveries, of which one may be of the event. */
const MAX_PARKED = 500;
/** A shorter text is in nearly every URL. */
const MIN_PART = 2;

export type Found =
  | { kind: "webhook"; record: WebhookRecord }
  | { kind: "owner"; owner: OwnerRef; webhooks: number; attempts: number }
  | { kind: "delivery"; deliveryId: string; located: LocatedDelivery }
  | { kind: "event"; owner: OwnerRef; id: string; event: string | null; deliveryId: string };

export interface SearchOptions {
  webhooks: Pick<WebhookStore, "get" | "list" | "scan" | "getAll">;
  logs: Pick<LogStore, "read">;
  redelivery: Pick<Redelivery, "locate" | "listParked">;
}

export class Search {
  constructor(private readonly options: SearchOptions) {}

  /**
   * `only`: nothing of other owners is found; null: no restriction. `isPartial`: there may be more.
   * @throws ValkeyUnavailable
   */
  async find(text: string, only: OwnerRef | null): Promise<{ found: Found[]; isPartial: boolean }> {
    const [exact, events, parts] = await Promise.all([
      this.exact(text, only),
      this.events(text, only),
      this.parts(text, only),
    ]);
    const found = [...exact, ...events.found];
    const known = new Set(found.map(nameOf));
    for (const one of parts.found) if (!known.has(nameOf(one))) found.push(one);
    return {
      found: found.slice(0, MAX_FOUND),
      isPartial: events.isPartial || parts.isPartial || found.length > MAX_FOUND,
    };
  }

  private async exact(text: string, only: OwnerRef | null): Promise<Found[]> {
    const found: Found[] = [];
    if (isWebhookId(text)) {
      const record = await this.options.webhooks.get(text);
      if (record && (only === null || ownerOf(record) === only)) {
        found.push({ kind: "webhook", record });
      }
    }
    if (isDeliveryId(text)) {
      const located = await this.options.redelivery.locate(text, only);
      if (located) found.push({ kind: "delivery", deliveryId: text, located });
    }
    if (!isOwnerId(text)) return found;
    for (const owner of [ownerRef("user", text), ownerRef("org", text)]) {
      if (only === null || owner === only) found.push(...(await this.owner(owner)));
    }
    return found;
  }

  /** An owner is known by its webhooks and its log. */
  private async owner(owner: OwnerRef): Promise<Found[]> {
    const [webhooks, attempts] = await Promise.all([
      this.options.webhooks.list(owner),
      this.options.logs.read(owner),
    ]);
    if (webhooks.length + attempts.length === 0) return [];
    return [{ kind: "owner", owner, webhooks: webhooks.length, attempts: attempts.length }];
  }

  /** An event by its id: among what is parked, and in the log of an owner who searches. */
  private async events(
    id: string,
    only: OwnerRef | null,
  ): Promise<{ found: Found[]; isPartial: boolean }> {
    if (!isEventId(id)) return { found: [], isPartial: false };
    const owners = only === null ? null : [only];
    const [page, log] = await Promise.all([
      this.options.redelivery.listParked({ owners }, null, MAX_PARKED),
      only === null ? [] : this.options.logs.read(only),
    ]);
    const parked = page.parked.filter(({ header }) => header.id === id).map(ofParked);
    const logged = log
      .filter((entry) => entry.id === id && entry.delivery_id !== "")
      .map(({ event, delivery_id: deliveryId }): Found => {
        return { kind: "event", owner: only as OwnerRef, id, event, deliveryId };
      });
    return { found: [...parked, ...logged], isPartial: page.next !== null };
  }

  private async parts(
    text: string,
    only: OwnerRef | null,
  ): Promise<{ found: Found[]; isPartial: boolean }> {
    if (text.length < MIN_PART) return { found: [], isPartial: false };
    const part = text.toLowerCase();
    if (only !== null) {
      const records = await this.options.webhooks.list(only);
      return {
        found: records.filter((one) => hasPart(one, part)).map(ofWebhook),
        isPartial: false,
      };
    }
    return this.scan(part);
  }

  private async scan(part: string): Promise<{ found: Found[]; isPartial: boolean }> {
    const { webhooks } = this.options;
    const found: Found[] = [];
    let cursor: string | null = "0";
    let scanned = 0;
    while (cursor !== null) {
      const step: { found: FoundWebhook[]; next: string | null } = await webhooks.scan(cursor);
      for (let at = 0; at < step.found.length; at += READ_AT_ONCE) {
        if (scanned >= MAX_SCANNED || found.length > MAX_FOUND) return { found, isPartial: true };
        const some = step.found.slice(at, at + READ_AT_ONCE);
        scanned += some.length;
        for (const record of await webhooks.getAll(some)) {
          if (record && hasPart(record, part)) found.push(ofWebhook(record));
        }
      }
      cursor = step.next;
    }
    return { found, isPartial: false };
  }
}

function hasPart(record: WebhookRecord, part: string): boolean {
  const { url, description } = record;
  return [url, description, ownerOf(record).slice(ownerOf(record).indexOf(":") + 1)].some((text) =>
    text.toLowerCase().includes(part),
  );
}

function ofWebhook(record: WebhookRecord): Found {
  return { kind: "webhook", record };
}

function ofParked({ deliveryId, header }: ListedParked): Found {
  return {
    kind: "event",
    owner: header.owner,
    id: header.id,
    event: header.event ?? null,
    deliveryId,
  };
}

function nameOf(found: Found): string {
  switch (found.kind) {
    case "webhook":
      return found.record.id;
    case "owner":
      return found.owner;
    default:
      return found.deliveryId;
  }
}
