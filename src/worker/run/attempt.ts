// One claimed delivery: a slot of its webhook, one attempt, its settlement, its record. In this order
// (guarantee 8): whatever fails after the settlement costs a log line, not a delivery.
import type { Drain } from "../../delivery/http/response-reader.ts";
import { DRAINED } from "../../delivery/http/connection.ts";
import { deliver, type Attempt, type DeliverDeps } from "../../delivery/deliver.ts";
import type { DeliveryHeader } from "../../valkey/queue/item.ts";
import type { Claimed } from "../../valkey/queue/queue-store.ts";
import { dialectOf } from "../../wire/dialects/registry.ts";
import type { Event } from "../../wire/event.ts";
import { attemptUuid } from "../../valkey/queue/delivery-id.ts";
import { logEntryOf } from "../after/log-entry.ts";
import type { Membership } from "../settle/membership.ts";
import type { Described, Recorder } from "../after/attempt-log.ts";
import type { RegisteredWebhook } from "../webhooks/prepared-webhook.ts";
import type { Slot, SlotResult, Slots } from "./slots.ts";
import type { WorkerLog } from "../../worker-log.ts";

export interface AttemptDeps {
  slots: Slots;
  recorder: Recorder;
  deliver: DeliverDeps;
  log: WorkerLog;
  /** Attempts under way: what a drain waits for, and puts back when its time is over. */
  running: Map<Claimed, { membership: Membership; header: DeliveryHeader }>;
  isDraining: () => boolean;
  /** After it is settled. */
  onAttempt: (attempt: FinishedAttempt) => void;
}

export interface Job {
  membership: Membership;
  claim: Claimed;
  header: DeliveryHeader;
  event: Event;
  webhook: RegisteredWebhook;
}

const ENDED = Promise.resolve();

export interface FinishedAttempt {
  job: Job;
  deliveryId: string;
  attempt: Attempt;
}

/** Runs a delivery to its settlement. `kept` is a slot that was taken for it beforehand. */
export function runDelivery(job: Job, kept: Slot | null, deps: AttemptDeps): Promise<void> {
  const { membership, header, webhook } = job;
  const { slots } = deps;
  if (!webhook.record.enabled) {
    if (kept) slots.finish(kept, "neutral");
    park(job, "webhook-disabled", null, header.attempt);
    return ENDED;
  }
  // Behind those that are in its lane already: they came first. A due retry came before all of them, so
  // it stands in line for the next slot, and goes to the lane's head where it gets none in time.
  if (kept === null && !isRetry(header) && membership.lanes.has(webhook.record.id)) {
    toLane(job, deps);
    return ENDED;
  }
  // In line before anything is awaited, so that what came first is sent first.
  return attemptOnce(job, kept ?? findSlot(job, deps), deps);
}

/** Without a slot there is none. */
async function attemptOnce(
  job: Job,
  inLine: Slot | Promise<Slot | null>,
  deps: AttemptDeps,
): Promise<void> {
  const { membership, claim, event, webhook } = job;
  const { record } = webhook;
  const { running, slots } = deps;
  // Of the first attempt, whatever the webhook's is by now: every attempt sends the same body.
  const header = { ...job.header, dialect: job.header.dialect ?? record.dialect };
  let held: Slot | null = null;
  const begin = (slot: Slot | null): boolean => {
    if (slot === null) return false;
    held = slot;
    slots.begin(slot);
    running.set(claim, { membership, header });
    return true;
  };
  try {
    const deliveryId = attemptUuid(header);
    const attempt = await deliver(
      {
        deliveryId,
        attempt: header.attempt,
        event: {
          id: header.id,
          type: event.type,
          timestamp: header.timestamp,
          data: event.data,
          traceparent: event.traceparent,
        },
        target: {
          url: record.url,
          dialect: dialectOf(header.dialect),
          secrets: webhook.signers(deps.deliver.now()),
          headers: record.headers,
          timeoutMs: record.timeout_ms,
          scheduleMs: webhook.scheduleMs,
        },
      },
      deps.deliver,
      () => (inLine instanceof Promise ? inLine.then(begin) : begin(inLine)),
    );
    const slot = held as Slot | null;
    if (attempt === null || slot === null) return;
    // Put back at the end of a drain: it may be sent again, and this run no longer decides.
    if (!running.delete(claim)) return;
    const done: Job = { membership, claim, header, event, webhook };
    settle(done, attempt);
    keepRecord(done, deliveryId, attempt, deps.recorder);
    deps.onAttempt({ job: done, deliveryId, attempt });
    if (attempt.drained === DRAINED) slots.finish(slot, slotResult(attempt, "ended"));
    else void attempt.drained.then((drain) => slots.finish(slot, slotResult(attempt, drain)));
  } catch (error) {
    const slot = await inLine;
    running.delete(claim);
    if (slot === null) {
      // Its claim has ended in the lane: nothing is left for the reaper.
      deps.log.error({ err: error, webhook_id: webhook.record.id }, "delivery.crashed");
      return;
    }
    slots.finish(slot, "neutral");
    throw error;
  }
}

/** Who finds none in time goes into the lane, as it came: signing may end in another order. */
function findSlot(job: Job, deps: AttemptDeps): Slot | Promise<Slot | null> {
  const { slots } = deps;
  const { id } = job.webhook.record;
  const taken = slots.hasWaiters(id) ? null : slots.take(id);
  return taken ?? slots.wait(id, () => toLane(job, deps));
}

function toLane(job: Job, { isDraining }: AttemptDeps): void {
  if (isDraining()) {
    putBack(job, "as-it-came");
    return;
  }
  const { membership, claim, header, webhook } = job;
  const webhookId = webhook.record.id;
  membership.settle(claim, {
    verb: "lane",
    webhookId,
    header: JSON.stringify(header),
    first: isRetry(header),
  });
}

function isRetry({ attempt }: DeliveryHeader): boolean {
  return attempt > 1;
}

function settle({ membership, claim, header, event }: Job, { outcome }: Attempt): void {
  switch (outcome.outcome) {
    case "delivered":
      membership.settle(claim, { verb: "done", ending: "delivered" });
      return;
    case "retry":
      membership.settle(claim, {
        verb: "retry",
        delivery: header.delivery,
        delayMs: outcome.delayMs,
        header: JSON.stringify({ ...header, attempt: header.attempt + 1, runs: 0 }),
      });
      return;
    case "parked":
      park(
        { membership, claim, header, event },
        outcome.reason,
        outcome.statusCode,
        header.attempt,
      );
  }
}

/** Kept for `PARKED_TTL`; it is not tried again by itself. */
export function park(
  {
    membership,
    claim,
    header,
    event,
  }: Pick<Job, "membership" | "claim" | "header"> & {
    event: Event | null;
  },
  reason: string,
  statusCode: number | null,
  attempt: number,
): void {
  membership.settle(claim, {
    verb: "park",
    delivery: header.delivery,
    header: JSON.stringify({
      ...header,
      attempt,
      reason,
      status_code: statusCode,
      event: event?.type,
    } satisfies DeliveryHeader),
  });
}

/** At the end of a drain. What was begun keeps its id and gets a new UUID; the rest goes back as it came. */
export function putBack(
  { membership, claim, header }: Pick<Job, "membership" | "claim" | "header">,
  how: "begun" | "as-it-came",
): void {
  const cameAsElement = !("delivery" in claim.header);
  membership.settle(claim, {
    verb: "back",
    header:
      how === "begun"
        ? JSON.stringify({ ...header, runs: header.runs + 1 })
        : cameAsElement
          ? null
          : JSON.stringify(header),
  });
}

function keepRecord(
  { claim, header, event, webhook }: Job,
  deliveryId: string,
  attempt: Attempt,
  recorder: Recorder,
): void {
  const { outcome } = attempt;
  const health =
    outcome.outcome === "delivered"
      ? "success"
      : outcome.countsTowardsDisabling
        ? "failure"
        : "ignored";
  // What is waited for holds no more than it needs: not the event's text, nor the claim.
  const { bytes } = claim;
  const { type: eventType } = event;
  const webhookId = webhook.record.id;
  const describe = () =>
    describeAttempt({ deliveryId, webhookId, eventType, header, attempt, bytes });
  recorder.add({ owner: webhook.owner, webhookId, describe, health });
}

function describeAttempt({
  deliveryId,
  webhookId,
  eventType,
  header,
  attempt,
  bytes,
}: {
  deliveryId: string;
  webhookId: string;
  eventType: string;
  header: DeliveryHeader;
  attempt: Attempt;
  bytes: Buffer | null;
}): Described {
  const { outcome } = attempt.outcome;
  return {
    entry: logEntryOf({
      deliveryId,
      webhookId,
      eventId: header.id,
      eventType,
      attempt: header.attempt,
      result: attempt,
    }),
    // A retry's bytes wait in the schedule.
    kept: { header, outcome, element: outcome === "retry" ? null : bytes },
  };
}

function slotResult({ outcome }: Attempt, drain: Drain): SlotResult {
  // It said what came of the request, but it held the slot like one that says nothing.
  if (drain === "unfinished") return "overload";
  if (outcome.outcome === "delivered") return "success";
  if (outcome.statusCode !== null) return "neutral";
  // Nothing was dialled, or the operator has to fix it: neither says anything about the receiver.
  const isNeutral = outcome.reason === "blocked-address" || !outcome.countsTowardsDisabling;
  return isNeutral ? "neutral" : "overload";
}
