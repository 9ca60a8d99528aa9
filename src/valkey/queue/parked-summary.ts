// Counts the parked deliveries of all queues by reason, event type and webhook, and how many of them would be
// redelivered. It reads the counts of the index, so its cost does not depend on how many are parked.
import type { WebhookId } from "../../wire/ids.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import { sumOf, type ParkedCount } from "./parked-index.ts";
import type { ParkedStore } from "./parked-store.ts";
import type { WebhookStore } from "../webhooks/webhook-store.ts";

export interface ParkedFilter {
  /** Deliveries of any of these owners; null: of all owners. */
  owners: readonly OwnerRef[] | null;
  /** As it was asked for: there may be none of this id. */
  webhookId?: string;
  reason?: string;
  event?: string;
  /** Only those that were parked before. Only redelivery looks at it. */
  beforeMs?: number;
}

export interface ParkedSummary {
  total: number;
  /** In descending order, as are the next two. */
  byReason: { reason: string; count: number }[];
  /** The most frequent event types; `event` is null if it could not be read. */
  byEvent: { event: string | null; count: number }[];
  byWebhook: { webhookId: WebhookId; count: number }[];
}

/** Owners choose event types, so there may be as many as there are parked deliveries. */
const MAX_EVENTS = 100;
const MAX_WEBHOOKS = 100;
/** To count what can be redelivered of all owners, so many webhooks are read. */
const MAX_JUDGED = 200;
/** A count of deliveries that were parked before a time, and for one reason, ends here. */
const MAX_COUNTED = 10_000;

/** Returns the ids of matching webhooks that are enabled: deliveries for disabled ones stay parked. */
export async function enabledWebhooks(
  webhooks: Pick<WebhookStore, "get" | "list">,
  { owners, webhookId }: ParkedFilter,
): Promise<WebhookId[]> {
  const records =
    owners === null
      ? [webhookId === undefined ? null : await webhooks.get(webhookId)]
      : (await Promise.all(owners.map((owner) => webhooks.list(owner)))).flat();
  const enabled = records.flatMap((record) => (record?.enabled ? [record.id] : []));
  return enabled.filter((id) => webhookId === undefined || id === webhookId);
}

/**
 * Returns how many parked deliveries would be redelivered: those whose webhooks are enabled. Null if too many
 * webhooks have some to look at each.
 */
export async function countRedeliverable(
  stores: readonly ParkedStore[],
  webhooks: Pick<WebhookStore, "get" | "list">,
  filter: ParkedFilter,
): Promise<number | null> {
  const isOfAll = filter.owners === null && filter.webhookId === undefined;
  const enabled = isOfAll
    ? await enabledOfAll(stores, webhooks)
    : await enabledWebhooks(webhooks, filter);
  if (enabled === null) return null;
  const counts = await Promise.all(stores.map((store) => countOfWebhooks(store, enabled, filter)));
  return counts.flatMap((one) => [...one.values()]).reduce((sum, count) => sum + count, 0);
}

async function enabledOfAll(
  stores: readonly ParkedStore[],
  webhooks: Pick<WebhookStore, "get">,
): Promise<WebhookId[] | null> {
  const tops = await Promise.all(stores.map((one) => one.index.topWebhooks(MAX_JUDGED + 1)));
  const ids = [...new Set(tops.flat().map(({ webhookId }) => webhookId))];
  if (ids.length > MAX_JUDGED) return null;
  const records = await Promise.all(ids.map((id) => webhooks.get(id)));
  return records.flatMap((record) => (record?.enabled ? [record.id] : []));
}

/**
 * Returns how many parked deliveries of each webhook match, without the webhooks that have none.
 * Takes O(webhooks × kinds), where a kind is a reason with an event type.
 */
export async function countOfWebhooks(
  store: ParkedStore,
  webhookIds: readonly WebhookId[],
  filter: Pick<ParkedFilter, "reason" | "event" | "beforeMs">,
): Promise<Map<WebhookId, number>> {
  const { reason, event, beforeMs } = filter;
  if (beforeMs !== undefined) {
    const counted = await Promise.all(
      webhookIds.map(async (id): Promise<[WebhookId, number]> => {
        const selection = { webhookId: id, reason, event };
        return [id, await store.countBefore(selection, beforeMs, MAX_COUNTED)];
      }),
    );
    return new Map(counted.filter(([, count]) => count > 0));
  }
  const counts = await store.index.countsOf(webhookIds);
  return new Map(
    webhookIds
      .map((id, at): [WebhookId, number] => [id, sumOf(matching(counts[at] ?? [], filter))])
      .filter(([, count]) => count > 0),
  );
}

export async function summarize(
  stores: readonly ParkedStore[],
  filter: ParkedFilter,
): Promise<ParkedSummary> {
  const { owners, webhookId } = filter;
  const scopes: (string | null)[] = webhookId === undefined ? [...(owners ?? [null])] : [webhookId];
  const counts = (await Promise.all(stores.map((store) => store.index.countsOf(scopes))))
    .flat(2)
    .filter((count) => matching([count], filter).length > 0);
  const reasons = new Map<string, number>();
  const events = new Map<string, number>();
  for (const { reason, event, count } of counts) {
    reasons.set(reason, (reasons.get(reason) ?? 0) + count);
    events.set(event, (events.get(event) ?? 0) + count);
  }
  return {
    total: sumOf(counts),
    byReason: mostFirst(reasons).map(([reason, count]) => ({ reason, count })),
    byEvent: mostFirst(events)
      .slice(0, MAX_EVENTS)
      .map(([event, count]) => ({ event: event === "" ? null : event, count })),
    byWebhook: webhookId === undefined && owners === null ? await topWebhooks(stores) : [],
  };
}

async function topWebhooks(stores: readonly ParkedStore[]): Promise<ParkedSummary["byWebhook"]> {
  const sums = new Map<WebhookId, number>();
  for (const top of await Promise.all(stores.map((one) => one.index.topWebhooks(MAX_WEBHOOKS)))) {
    for (const { webhookId, count } of top) sums.set(webhookId, (sums.get(webhookId) ?? 0) + count);
  }
  return mostFirst(sums)
    .slice(0, MAX_WEBHOOKS)
    .map(([webhookId, count]) => ({ webhookId, count }));
}

function matching(
  counts: readonly ParkedCount[],
  { reason, event }: Pick<ParkedFilter, "reason" | "event">,
): ParkedCount[] {
  return counts.filter(
    (one) =>
      (reason === undefined || one.reason === reason) &&
      (event === undefined || one.event === event),
  );
}

function mostFirst<Key extends string>(counts: ReadonlyMap<Key, number>): [Key, number][] {
  return [...counts].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}
