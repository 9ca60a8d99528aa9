// Deliveries that are run again because somebody asks for it (DESIGN §2.4), over all queues: one by
// the UUID of any of its attempts, or the parked ones of an owner or webhook.
import type { OwnerRef } from "../wire/owner.ts";
import { again, attemptUuid, deliveryOf } from "./delivery-id.ts";
import type { DeliveryHeader } from "./item.ts";
import type { KeptStore } from "./kept-store.ts";
import type { Link } from "./link.ts";
import { ParkedStore, type ParkedDelivery } from "./parked-store.ts";
import { QueueStore } from "./queue-store.ts";
import type { WebhookStore } from "./webhook-store.ts";

export interface RedeliveryOptions {
  link: Link;
  queues: readonly string[];
  kept: KeptStore;
  webhooks: WebhookStore;
  parkedTtlMs: number;
}

export type RedeliveredOne =
  /** `deliveryId` is the UUID of the attempt to come. */
  | { kind: "redelivered"; deliveryId: string }
  | { kind: "unknown" }
  /** In flight, in a lane or about to be claimed. */
  | { kind: "in-flight" }
  | { kind: "gone"; why: "webhook-deleted" | "not-kept" }
  | { kind: "disabled"; webhookId: string };

export interface ParkedFilter {
  /** Those of any of these; null: everybody's. */
  owners: readonly OwnerRef[] | null;
  webhookId?: string;
}

/** Where a parked delivery stands in the list of all: a page begins after one. */
export interface ParkedPosition {
  parkedAtMs: number;
  delivery: string;
}

export interface ListedParked {
  /** UUID of the attempt that it ended with. */
  deliveryId: string;
  header: DeliveryHeader;
  parkedAtMs: number;
  expiresAtMs: number;
  size: number;
}

export interface ParkedPage {
  parked: ListedParked[];
  next: ParkedPosition | null;
}

interface Found extends ParkedDelivery {
  store: ParkedStore;
}

/** Guarantee 6: what is in memory at once while parked deliveries are looked through. */
const MOST_IN_PAGE = 500;
/** One script moves so many; Valkey serves the workers in between. */
const MOST_IN_SCRIPT = 100;

export class Redelivery {
  private readonly stores: readonly ParkedStore[];
  private readonly firstQueue: QueueStore;

  constructor(private readonly options: RedeliveryOptions) {
    const { link, queues } = options;
    this.stores = queues.map((queue) => new ParkedStore(link, queue));
    this.firstQueue = new QueueStore(link, queues[0] ?? "");
  }

  /** `only`: another owner's delivery is unknown to the asker. Null: everybody's are known. */
  async one(uuid: string, only: OwnerRef | null): Promise<RedeliveredOne> {
    const delivery = deliveryOf(uuid);
    const waiting = await this.findWaiting(delivery);
    return waiting
      ? this.redeliverWaiting(delivery, waiting, only)
      : this.redeliverKept(delivery, only);
  }

  /**
   * The oldest parked ones of the owners or the webhook named, as new deliveries. Those of webhooks
   * that are disabled or deleted stay parked, and `remaining` leaves them out: asking again until it
   * is 0 comes to an end.
   */
  async byFilter(
    filter: ParkedFilter,
    limit: number,
  ): Promise<{ redelivered: number; remaining: number }> {
    const enabled = await this.enabledWebhooks(filter);
    if (enabled.size === 0) return { redelivered: 0, remaining: 0 };
    // The newest come first, so the last ones seen are the oldest; no more than `limit` are held.
    let oldest: Found[] = [];
    let matching = 0;
    for await (const page of this.newestFirst(null, MOST_IN_PAGE)) {
      const matches = page.filter(
        ({ header }) => matchesFilter(header, filter) && enabled.has(header.webhook_id),
      );
      matching += matches.length;
      oldest = [...oldest, ...matches].slice(-limit);
    }
    const redelivered = await redeliverAll(oldest.toReversed());
    return { redelivered, remaining: matching - oldest.length };
  }

  /** A page of parked deliveries, the newest first. It stays right when others come or go. */
  async listParked(
    filter: ParkedFilter,
    after: ParkedPosition | null,
    limit: number,
  ): Promise<ParkedPage> {
    const matches: Found[] = [];
    const all = filter.owners === null && filter.webhookId === undefined;
    for await (const page of this.newestFirst(after, all ? limit + 1 : MOST_IN_PAGE)) {
      matches.push(...page.filter(({ header }) => matchesFilter(header, filter)));
      if (matches.length > limit) break;
    }
    const shown = matches.slice(0, limit);
    const last = shown.at(-1);
    return {
      parked: shown.map(({ header, parkedAtMs, size }) => ({
        deliveryId: attemptUuid(header),
        header,
        parkedAtMs,
        expiresAtMs: parkedAtMs + this.options.parkedTtlMs,
        size,
      })),
      next: matches.length > limit && last ? positionOf(last) : null,
    };
  }

  private async findWaiting(delivery: string): Promise<Waiting | null> {
    const found = await Promise.all(
      this.stores.map(async (store): Promise<Waiting | null> => {
        const [scheduled, parked] = await Promise.all([
          store.findScheduled(delivery),
          store.find(delivery),
        ]);
        if (scheduled) return { state: "scheduled", store, header: scheduled };
        return parked && { state: "parked", store, header: parked };
      }),
    );
    return found.find((one) => one !== null) ?? null;
  }

  private async redeliverWaiting(
    delivery: string,
    { state, store, header }: Waiting,
    only: OwnerRef | null,
  ): Promise<RedeliveredOne> {
    if (only !== null && header.owner !== only) return { kind: "unknown" };
    const refusal = await this.refusal(header);
    if (refusal) return refusal;
    // A scheduled one stays what it is: same delivery, same attempt, only now.
    const next = state === "scheduled" ? header : again(header);
    const [became] = await store.redeliver([
      { delivery, header: state === "scheduled" ? null : next },
    ]);
    // "none": since it was found it was claimed, or somebody else's request has redelivered it.
    return became === "none"
      ? { kind: "in-flight" }
      : { kind: "redelivered", deliveryId: attemptUuid(next) };
  }

  private async redeliverKept(delivery: string, only: OwnerRef | null): Promise<RedeliveredOne> {
    const kept = await this.options.kept.find(delivery);
    // Two owners may share a tag, so the list that it was found in proves nothing.
    if (!kept || (only !== null && kept.header.owner !== only)) return { kind: "unknown" };
    const refusal = await this.refusal(kept.header);
    if (refusal?.kind === "gone") return refusal;
    // Its last attempt asked for another one, and that one is neither scheduled nor parked.
    if (kept.outcome === "retry") return { kind: "in-flight" };
    if (kept.element === null) return { kind: "gone", why: "not-kept" };
    if (refusal) return refusal;
    const next = again(kept.header);
    await this.firstQueue.enqueue(next, kept.element);
    return { kind: "redelivered", deliveryId: attemptUuid(next) };
  }

  /** A worker would end or park it again at once: the asker is better told why. */
  private async refusal(
    header: DeliveryHeader,
  ): Promise<Extract<RedeliveredOne, { kind: "gone" | "disabled" }> | null> {
    const webhook = await this.options.webhooks.get(header.webhook_id);
    if (!webhook) return { kind: "gone", why: "webhook-deleted" };
    return webhook.enabled ? null : { kind: "disabled", webhookId: webhook.id };
  }

  private async enabledWebhooks({ owners, webhookId }: ParkedFilter): Promise<Set<string>> {
    const { webhooks } = this.options;
    const records =
      owners === null
        ? [webhookId === undefined ? null : await webhooks.get(webhookId)]
        : (await Promise.all(owners.map((owner) => webhooks.list(owner)))).flat();
    return new Set(records.flatMap((record) => (record?.enabled ? [record.id] : [])));
  }

  /** All queues' parked deliveries as one list, page by page. */
  private async *newestFirst(
    after: ParkedPosition | null,
    pageSize: number,
  ): AsyncGenerator<Found[]> {
    for (;;) {
      const position = after;
      const pages = await Promise.all(
        this.stores.map(async (store) =>
          (await store.list(position, pageSize)).map((one): Found => ({ ...one, store })),
        ),
      );
      // The newest of all queues are among the newest of each.
      const page = pages.flat().toSorted(byNewest).slice(0, pageSize);
      yield page;
      const last = page.at(-1);
      if (!last || page.length < pageSize) return;
      after = positionOf(last);
    }
  }
}

interface Waiting {
  state: "scheduled" | "parked";
  store: ParkedStore;
  header: DeliveryHeader;
}

/** Moves them in the order given; answers how many were still parked. */
async function redeliverAll(found: readonly Found[]): Promise<number> {
  let redelivered = 0;
  for (const [store, ofStore] of Map.groupBy(found, (one) => one.store)) {
    for (let i = 0; i < ofStore.length; i += MOST_IN_SCRIPT) {
      const became = await store.redeliver(
        ofStore.slice(i, i + MOST_IN_SCRIPT).map(({ header }) => ({
          delivery: header.delivery,
          header: again(header),
        })),
      );
      redelivered += became.filter((one) => one === "parked").length;
    }
  }
  return redelivered;
}

function matchesFilter(header: DeliveryHeader, { owners, webhookId }: ParkedFilter): boolean {
  return (
    (owners === null || owners.includes(header.owner)) &&
    (webhookId === undefined || header.webhook_id === webhookId)
  );
}

function positionOf({ parkedAtMs, header }: Found): ParkedPosition {
  return { parkedAtMs, delivery: header.delivery };
}

/** The order of each queue's own list: by time, at the same millisecond by name. */
function byNewest(a: Found, b: Found): number {
  if (a.parkedAtMs !== b.parkedAtMs) return b.parkedAtMs - a.parkedAtMs;
  return a.header.delivery < b.header.delivery ? 1 : -1;
}
