// Every way in which a living worker ends the claim of an element or a delivery. Each is one settlement,
// which `settle.lua` makes in one atomic step (guarantee 1): done, back on the schedule, parked, into a
// lane, split into deliveries, or back where it came from. Two other files end claims: `takeover.lua`
// those of a dead worker, and `inbound/run/route.ts` those of executions.
import type { DeliveryName } from "../../wire/ids.ts";
import type { Attempt } from "../../delivery/deliver.ts";
import type { Reason } from "../../delivery/judge.ts";
import { isDelivery, type DeliveryHeader } from "../../valkey/queue/item.ts";
import type { Claimed, FilterCounts } from "../../valkey/queue/claimed.ts";
import type { Job } from "../job.ts";
import type { Claims } from "./claims.ts";

/** Why a delivery is parked: what its last attempt came to, or why there was no attempt. */
export type ParkReason = Reason | "webhook-disabled" | "crashed-worker" | "unreadable";

type Delivery = Pick<Job, "claims" | "claim" | "header">;

/** No webhook matches the event. */
export function endForNobody(claims: Claims, claim: Claimed): void {
  claims.settle(claim, { verb: "done", ending: "nobody" });
}

/** The event is for webhooks of which no filter matches; each of them is counted. */
export function endFiltered(claims: Claims, claim: Claimed, counts: FilterCounts): void {
  const { filtered, filterErrors } = counts;
  // The ending itself counts one.
  if (filtered > 1 || filterErrors > 0)
    countFiltered(claim, { filtered: filtered - 1, filterErrors });
  claims.settle(claim, { verb: "done", ending: "filtered" });
}

/** Counts the webhooks that a filter kept an event from, in the step that settles its claim. */
export function countFiltered(claim: Claimed, counts: FilterCounts): void {
  claim.filterCounts = counts;
}

/** The element is invalid, and is stored on the rejected list by now. */
export function endRejected(claims: Claims, claim: Claimed): void {
  claims.settle(claim, { verb: "done", ending: "rejected" });
}

/** The delivery's webhook was deleted. */
export function endDeleted(claims: Claims, claim: Claimed): void {
  claims.settle(claim, { verb: "done", ending: "deleted" });
}

/** Guarantee 3: the event becomes one delivery per webhook before the first request. */
export function fanOutTo(
  claims: Claims,
  claim: Claimed,
  event: string,
  headers: readonly DeliveryHeader[],
): void {
  claims.settle(claim, { verb: "fan", event, headers });
}

/** What the attempt came to decides where its delivery goes. */
export function endAttempt(job: Job, { outcome }: Attempt): void {
  const { claims, claim, header } = job;
  switch (outcome.outcome) {
    case "delivered":
      claims.settle(claim, { verb: "done", ending: "delivered" });
      return;
    case "retry":
      claims.settle(claim, {
        verb: "retry",
        delivery: header.delivery,
        delayMs: outcome.delayMs,
        header: { ...header, attempt: header.attempt + 1, runs: 0 },
      });
      return;
    case "parked":
      park(job, job.event.type, outcome.reason, outcome.statusCode);
  }
}

/** Parks a delivery: it is not tried again by itself, and stays for `FLUXHOOK_PARKED_TTL`. */
export function park(
  { claims, claim, header }: Delivery,
  eventType: string | undefined,
  reason: ParkReason,
  statusCode: number | null = null,
): void {
  claims.settle(claim, {
    verb: "park",
    delivery: header.delivery,
    header: { ...header, reason, status_code: statusCode, event: eventType },
  });
}

export function isRetry({ attempt }: DeliveryHeader): boolean {
  return attempt > 1;
}

/** Moves a delivery that got no slot in time to its webhook's lane: a retry to its head, before the others. */
export function moveToLane({ claims, claim, header, webhook }: Job): void {
  const webhookId = webhook.record.id;
  claims.settle(claim, { verb: "lane", webhookId, header, first: isRetry(header) });
}

/** Puts what cannot be worked on now onto the schedule as it came, so that it takes nobody's room. */
export function postpone(claims: Claims, claim: Claimed, delayMs: number): void {
  const { header } = claim;
  // Any name that no delivery has serves for an element: the schedule needs one.
  const delivery = isDelivery(header)
    ? header.delivery
    : (`element-${header.claim}` as DeliveryName);
  claims.settle(claim, { verb: "retry", delivery, delayMs, header });
}

/** Returns an item with the count of workers that ended while they held it; the schedule would lose it. */
export function returnWithCrashes(claims: Claims, claim: Claimed): void {
  claims.settle(claim, { verb: "back", header: claim.header });
}

/** Returns what was not begun, as it came: an element to the list, a delivery to what runs next. */
export function returnUnbegun(claims: Claims, claim: Claimed): void {
  const { header } = claim;
  claims.settle(claim, { verb: "back", header: isDelivery(header) ? header : null });
}

/** Returns a delivery whose attempt was begun. It may be sent again, so its next run gets another UUID. */
export function returnBegun({ claims, claim, header }: Delivery): void {
  claims.settle(claim, { verb: "back", header: { ...header, runs: header.runs + 1 } });
}
