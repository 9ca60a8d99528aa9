// Redelivers on request, over all queues: one delivery by the UUID of any of its attempts, or the parked deliveries
// of an owner or webhook.
import type { DeliveryId, DeliveryName, WebhookId } from "../wire/ids.ts";
import type { OwnerRef } from "../wire/owner.ts";
import { again, attemptUuid, deliveryOf } from "../valkey/queue/delivery-id.ts";
import type { DeliveryHeader } from "../valkey/queue/item.ts";
import type { BodyStore } from "../valkey/history/body-store.ts";
import type { FailureStore } from "../valkey/history/failure-store.ts";
import {
  newestPage,
  oldestOf,
  type FoundParked,
  type ParkedSource,
} from "../valkey/queue/parked-merge.ts";
import type { ParkedPosition, ParkedStore } from "../valkey/queue/parked-store.ts";
import {
  countOfWebhooks,
  countRedeliverable,
  enabledWebhooks,
  summarize,
  type ParkedFilter,
  type ParkedSummary,
} from "../valkey/queue/parked-summary.ts";
import type { QueueStore } from "../valkey/queue/queue-store.ts";
import type { WebhookStore } from "../valkey/webhooks/webhook-store.ts";

export interface RedeliveryOptions {
  /** One store for each queue. */
  parked: readonly ParkedStore[];
  /** Receives redeliveries of deliveries that have ended. */
  intake: Pick<QueueStore, "enqueue">;
  bodies: BodyStore;
  failures: FailureStore;
  webhooks: WebhookStore;
  parkedTtlMs: number;
  /** Notified when a delivery can be claimed that could not before. */
  claimer: { notify(): void };
  onRedelivered?: (deliveries: number) => void;
}

export type { ParkedFilter, ParkedPosition, ParkedSummary };

export type RedeliveredOne =
  /** `deliveryId` is the UUID of the attempt to come. */
  | { kind: "redelivered"; deliveryId: DeliveryId; owner: OwnerRef }
  | { kind: "unknown" }
  /** It is being attempted, is in a lane, or is about to be claimed. */
  | { kind: "in-flight" }
  | { kind: "not-available"; why: "webhook-deleted" | "body-not-stored" }
  | { kind: "disabled"; webhookId: WebhookId };

export interface LocatedDelivery {
  header: DeliveryHeader;
  /** `recent`: neither scheduled nor parked; it has ended or is being attempted. */
  state: "scheduled" | "parked" | "recent";
}

export type RedeliveryRefusal = Exclude<RedeliveredOne, { kind: "redelivered" }>;

export interface ListedParked {
  /** UUID of its last attempt. */
  deliveryId: DeliveryId;
  header: DeliveryHeader;
  parkedAtMs: number;
  expiresAtMs: number;
  size: number;
}

export interface ParkedPage {
  parked: ListedParked[];
  next: ParkedPosition | null;
}

/** One script moves up to this many; between two scripts Valkey serves the workers. */
const MAX_PER_SCRIPT = 100;

export class Redelivery {
  constructor(private readonly options: RedeliveryOptions) {}

  /** Finds a delivery that waits or is among its owner's last ones; null for one of another owner than `only`. */
  async locate(uuid: string, only: OwnerRef | null): Promise<LocatedDelivery | null> {
    const delivery = deliveryOf(uuid);
    const waiting = await this.findWaiting(delivery);
    const stored = waiting ? null : await this.options.bodies.find(delivery);
    const header = waiting?.header ?? stored?.header;
    if (!header || (only !== null && header.owner !== only)) return null;
    return { header, state: waiting?.state ?? "recent" };
  }

  /** Redelivers one delivery. `only`: deliveries of other owners are unknown; null: no restriction. */
  async one(uuid: string, only: OwnerRef | null): Promise<RedeliveredOne> {
    const delivery = deliveryOf(uuid);
    const found = await this.find(delivery, only);
    switch (found.kind) {
      case "waiting":
        return this.redeliverWaiting(delivery, found);
      case "ended":
        return this.redeliverEnded(found);
      default:
        return found;
    }
  }

  /** Returns why `one` would not redeliver it, and changes nothing; null if it would. */
  async refusalOf(
    delivery: DeliveryName,
    only: OwnerRef | null,
  ): Promise<RedeliveryRefusal | null> {
    const found = await this.find(delivery, only);
    return found.kind === "waiting" || found.kind === "ended" ? null : found;
  }

  /**
   * Redelivers the oldest matching parked deliveries, as new deliveries. Deliveries of disabled or deleted webhooks stay
   * parked, and `remaining` does not count them: so a caller that repeats the request until it is 0 terminates.
   */
  async byFilter(
    filter: ParkedFilter,
    limit: number,
  ): Promise<{ redelivered: number; remaining: number }> {
    const { reason, event } = filter;
    const enabled = await enabledWebhooks(this.options.webhooks, filter);
    const sources: ParkedSource[] = [];
    let matching = 0;
    for (const store of this.options.parked) {
      for (const [webhookId, count] of await countOfWebhooks(store, enabled, filter)) {
        sources.push({ store, selection: { webhookId, reason, event } });
        matching += count;
      }
    }
    const oldest = await oldestOf(sources, limit, filter.beforeMs);
    const redelivered = await redeliverAll(oldest);
    if (redelivered > 0) this.redelivered(redelivered);
    return { redelivered, remaining: Math.max(0, matching - oldest.length) };
  }

  /** Returns a page, the newest first. Its cursor stays valid when deliveries are parked or redelivered. */
  async listParked(
    { owners, webhookId, reason, event }: ParkedFilter,
    after: ParkedPosition | null,
    limit: number,
  ): Promise<ParkedPage> {
    const sources = this.options.parked.flatMap((store) =>
      (owners ?? [undefined]).map((owner) => ({
        store,
        selection: { owner, webhookId, reason, event },
      })),
    );
    const { found, next } = await newestPage(sources, after, limit);
    return {
      parked: found.map(({ header, parkedAtMs, size }) => ({
        deliveryId: attemptUuid(header),
        header,
        parkedAtMs,
        expiresAtMs: parkedAtMs + this.options.parkedTtlMs,
        size,
      })),
      next,
    };
  }

  /** Returns how many are parked, by reason, event type and webhook. */
  async summary(filter: ParkedFilter): Promise<ParkedSummary> {
    return summarize(this.options.parked, filter);
  }

  /** Returns how many `byFilter` would redeliver, over all owners too; null if that takes too long to count. */
  redeliverable(filter: ParkedFilter): Promise<number | null> {
    return countRedeliverable(this.options.parked, this.options.webhooks, filter);
  }

  /** Returns where a delivery waits; null if it is neither scheduled nor parked. */
  async findWaiting(delivery: DeliveryName): Promise<WaitingDelivery | null> {
    const found = await Promise.all(
      this.options.parked.map(async (store): Promise<WaitingDelivery | null> => {
        const [scheduled, parked] = await Promise.all([
          store.findScheduled(delivery),
          store.find(delivery),
        ]);
        if (scheduled) return { kind: "waiting", state: "scheduled", store, header: scheduled };
        return parked && { kind: "waiting", state: "parked", store, header: parked };
      }),
    );
    return found.find((one) => one !== null) ?? null;
  }

  private async find(
    delivery: DeliveryName,
    only: OwnerRef | null,
  ): Promise<WaitingDelivery | EndedDelivery | RedeliveryRefusal> {
    const waiting = await this.findWaiting(delivery);
    if (waiting) {
      if (only !== null && waiting.header.owner !== only) return { kind: "unknown" };
      return (await this.refusal(waiting.header)) ?? waiting;
    }
    return this.findEnded(delivery, only);
  }

  private async findEnded(
    delivery: DeliveryName,
    only: OwnerRef | null,
  ): Promise<EndedDelivery | RedeliveryRefusal> {
    const { bodies, failures } = this.options;
    const stored = await bodies.find(delivery);
    const [failure] = stored ? [] : await failures.ofDelivery(delivery);
    // Two owners may share a tag, so its list does not prove whose it is.
    const { header, element, detail } = stored ?? failure ?? {};
    if (!header || (only !== null && header.owner !== only)) return { kind: "unknown" };
    // A test is sent once; another one can be sent.
    if (detail?.test_element !== undefined) return { kind: "unknown" };
    const refusal = await this.refusal(header);
    if (refusal?.kind === "not-available") return refusal;
    // Its last attempt requires a retry, which is neither scheduled nor parked: so it is in flight.
    if (stored?.outcome === "retry") return { kind: "in-flight" };
    // Later attempts may have been made, and are no longer kept.
    if (failure?.entry.outcome === "retry") return { kind: "unknown" };
    if (typeof element !== "string") return { kind: "not-available", why: "body-not-stored" };
    return refusal ?? { kind: "ended", header, element };
  }

  private async redeliverWaiting(
    delivery: DeliveryName,
    { state, store, header }: WaitingDelivery,
  ): Promise<RedeliveredOne> {
    // A scheduled delivery keeps its name and its attempt; it only becomes due now.
    const next = state === "scheduled" ? header : again(header);
    const [became] = await store.redeliver([
      { delivery, header: state === "scheduled" ? null : next },
    ]);
    if (became !== "none") this.redelivered(1);
    // "none": since it was found, a worker has claimed it or another request has redelivered it.
    return became === "none"
      ? { kind: "in-flight" }
      : { kind: "redelivered", deliveryId: attemptUuid(next), owner: next.owner };
  }

  private redelivered(deliveries: number): void {
    this.options.claimer.notify();
    this.options.onRedelivered?.(deliveries);
  }

  private async redeliverEnded({ header, element }: EndedDelivery): Promise<RedeliveredOne> {
    const next = again(header);
    await this.options.intake.enqueue(next, element);
    this.redelivered(1);
    return { kind: "redelivered", deliveryId: attemptUuid(next), owner: next.owner };
  }

  /** Returns why a redelivery would end or be parked at once; null if it would not. */
  private async refusal(
    header: DeliveryHeader,
  ): Promise<Extract<RedeliveredOne, { kind: "not-available" | "disabled" }> | null> {
    const webhook = await this.options.webhooks.get(header.webhook_id);
    if (!webhook) return { kind: "not-available", why: "webhook-deleted" };
    return webhook.enabled ? null : { kind: "disabled", webhookId: webhook.id };
  }
}

export interface WaitingDelivery {
  kind: "waiting";
  state: "scheduled" | "parked";
  store: ParkedStore;
  header: DeliveryHeader;
}

interface EndedDelivery {
  kind: "ended";
  header: DeliveryHeader;
  element: string;
}

/** Redelivers in the given order. Returns how many were still parked. */
async function redeliverAll(found: readonly FoundParked[]): Promise<number> {
  let redelivered = 0;
  for (const [store, ofStore] of Map.groupBy(found, (one) => one.store)) {
    for (let i = 0; i < ofStore.length; i += MAX_PER_SCRIPT) {
      const became = await store.redeliver(
        ofStore.slice(i, i + MAX_PER_SCRIPT).map(({ header }) => ({
          delivery: header.delivery,
          header: again(header),
        })),
      );
      redelivered += became.filter((one) => one === "parked").length;
    }
  }
  return redelivered;
}
