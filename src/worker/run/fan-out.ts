// From a claimed element to its deliveries. Guarantee 3: an event for two or more webhooks becomes
// that many deliveries in one script before the first request; with one, the claim is the delivery.
import type { FilteredEvent } from "../../expressions/filter.ts";
import { newDeliveryName } from "../../valkey/queue/delivery-id.ts";
import { isDelivery, type DeliveryHeader, type ElementHeader } from "../../valkey/queue/item.ts";
import type { Claimed, FilterCounts } from "../../valkey/queue/claimed.ts";
import { readElement, type Event, type EventLimits, type Rejection } from "../../wire/event.ts";
import { ownerRef, type OwnerRef } from "../../wire/owner.ts";
import type { WebhookSource } from "../webhooks/directory.ts";
import type { PreparedWebhook } from "../webhooks/prepared-webhook.ts";

/** What becomes of a claimed element. `filtered`: of webhooks that do not get it while others do. */
export type FanOut =
  | { kind: "rejected"; rejection: Rejection }
  | { kind: "nobody" }
  | { kind: "filtered"; counts: FilterCounts }
  | {
      kind: "one";
      event: Event;
      header: DeliveryHeader;
      webhook: PreparedWebhook;
      filtered?: FilterCounts;
    }
  | { kind: "many"; event: string; headers: DeliveryHeader[]; filtered?: FilterCounts };

/**
 * Reads a claimed element and finds the webhooks that match it. Returns a promise only where the owner's
 * webhooks are not cached; it rejects with ValkeyUnavailable where they cannot be read.
 */
export function fanOut(
  claim: Claimed,
  limits: EventLimits,
  directory: WebhookSource,
): FanOut | Promise<FanOut> {
  const { header } = claim;
  if (isDelivery(header)) throw new Error("a delivery is fanned out already");
  const reading = readElement(claim.bytes ?? Buffer.alloc(0), limits);
  if (!reading.ok) return { kind: "rejected", rejection: reading.rejection };
  const { event } = reading;
  const owners = ownersOf(event);
  const cached: (readonly PreparedWebhook[])[] = [];
  for (const owner of owners) {
    const webhooks = directory.peek(owner);
    if (webhooks === null) {
      return readAll(owners, directory).then((registered) => split(header, event, registered));
    }
    cached.push(webhooks);
  }
  return split(header, event, cached);
}

async function readAll(
  owners: readonly OwnerRef[],
  directory: WebhookSource,
): Promise<(readonly PreparedWebhook[])[]> {
  const registered = [];
  for (const owner of owners) {
    registered.push(directory.peek(owner) ?? (await directory.get(owner)));
  }
  return registered;
}

function split(
  claimed: ElementHeader,
  event: Event,
  registered: readonly (readonly PreparedWebhook[])[],
): FanOut {
  const webhooks: PreparedWebhook[] = [];
  let areFiltered = false;
  for (const ofOwner of registered) {
    for (const webhook of ofOwner) {
      if (!webhook.matches(event.type)) continue;
      webhooks.push(webhook);
      if (webhook.filter !== null) areFiltered = true;
    }
  }
  if (webhooks.length === 0) return { kind: "nobody" };
  // Fixed at the claim, so that a second run after a crash carries the same ones.
  const id = event.id ?? `evt_${claimed.claim}`;
  const timestamp = event.timestamp ?? timeText(claimed.at);
  if (!areFiltered) return sendTo(webhooks, claimed, event, id, timestamp);
  const { matching, counts } = judgeFilters(webhooks, { ...event, id, timestamp });
  if (matching.length === 0) return { kind: "filtered", counts };
  const fanned = sendTo(matching, claimed, event, id, timestamp);
  return counts.filtered === 0 ? fanned : { ...fanned, filtered: counts };
}

function sendTo(
  webhooks: readonly PreparedWebhook[],
  claimed: ElementHeader,
  event: Event,
  id: string,
  timestamp: string,
): Extract<FanOut, { kind: "one" | "many" }> {
  const [first] = webhooks;
  if (first !== undefined && webhooks.length === 1) {
    return { kind: "one", event, header: firstHeader(first, id, timestamp), webhook: first };
  }
  const headers = webhooks.map((webhook) => firstHeader(webhook, id, timestamp));
  return { kind: "many", event: claimed.claim, headers };
}

/** A webhook without a filter gets everything; one whose filter fails gets nothing, and is counted as well. */
function judgeFilters(
  webhooks: readonly PreparedWebhook[],
  event: FilteredEvent,
): { matching: PreparedWebhook[]; counts: FilterCounts } {
  const counts = { filtered: 0, filterErrors: 0 };
  const matching = webhooks.filter(({ filter }) => {
    const verdict = filter === null ? "match" : filter.judge(event).verdict;
    if (verdict !== "match") counts.filtered += 1;
    if (verdict === "error") counts.filterErrors += 1;
    return verdict === "match";
  });
  return { matching, counts };
}

function firstHeader(webhook: PreparedWebhook, id: string, timestamp: string): DeliveryHeader {
  return {
    delivery: newDeliveryName(webhook.ownerTag),
    webhook_id: webhook.record.id,
    owner: webhook.owner,
    id,
    timestamp,
    attempt: 1,
    runs: 0,
  };
}

let lastAt = Number.NaN;
let lastText = "";

/** A batch is claimed at one time. */
function timeText(atMs: number): string {
  if (atMs !== lastAt) {
    lastAt = atMs;
    lastText = new Date(atMs).toISOString();
  }
  return lastText;
}

function ownersOf(event: Event): OwnerRef[] {
  const owners: OwnerRef[] = [];
  if (event.userId !== undefined) owners.push(ownerRef("user", event.userId));
  if (event.orgId !== undefined) owners.push(ownerRef("org", event.orgId));
  return owners;
}
