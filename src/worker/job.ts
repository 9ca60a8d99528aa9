// What the stages of the worker hand to each other: a batch that was claimed, a delivery to be run, an
// attempt that was made.
import type { Attempt } from "../delivery/deliver.ts";
import type { DeliveryHeader } from "../valkey/queue/item.ts";
import type { Claimed } from "../valkey/queue/claimed.ts";
import type { Event } from "../wire/event.ts";
import type { DeliveryId } from "../wire/ids.ts";
import type { Slot } from "./run/slots.ts";
import type { Claims } from "./settle/claims.ts";
import type { PreparedWebhook } from "./webhooks/prepared-webhook.ts";

/** What one request claimed from one queue, in the order in which it is to be run. */
export interface Batch {
  claims: Claims;
  /** A claim and, if it came out of a lane, the slot that was reserved for it. */
  items: readonly { claim: Claimed; slot: Slot | null }[];
}

/** One claimed delivery. */
export interface Job {
  /** The claims of the queue that it came from. */
  claims: Claims;
  claim: Claimed;
  header: DeliveryHeader;
  event: Event;
  webhook: PreparedWebhook;
}

export interface FinishedAttempt {
  job: Job;
  /** UUID of the attempt. */
  deliveryId: DeliveryId;
  attempt: Attempt;
}
