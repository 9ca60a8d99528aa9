// One claimed delivery: a slot of its webhook, one attempt, its settlement, its record. In this order
// (guarantee 8): whatever fails after the settlement costs a log line, not a delivery.
import type { Drain } from "../delivery/read-response.ts";
import { deliver, type Attempt, type DeliverDeps } from "../delivery/deliver.ts";
import type { DeliveryHeader } from "../valkey/item.ts";
import type { Claimed } from "../valkey/queue-store.ts";
import { dialectOf } from "../wire/dialects/registry.ts";
import type { Event } from "../wire/event.ts";
import { attemptUuid } from "../valkey/delivery-id.ts";
import { logEntryOf } from "./log-entry-of.ts";
import type { Membership } from "./membership.ts";
import type { Described, Recorder } from "./record.ts";
import type { RegisteredWebhook } from "./registered-webhook.ts";
import type { Slot, SlotResult, Slots } from "./slots.ts";
import type { Started, Starts } from "./starts.ts";
import type { WorkerLog } from "./worker-log.ts";

export interface AttemptDeps {
  slots: Slots;
  starts: Starts;
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

export interface FinishedAttempt {
  job: Job;
  deliveryId: string;
  attempt: Attempt;
}

/** Runs a delivery to its settlement. `kept` is a slot that was taken for it beforehand. */
export async function runDelivery(job: Job, kept: Slot | null, deps: AttemptDeps): Promise<void> {
  const { membership, header, webhook } = job;
  const { slots } = deps;
  if (!webhook.record.enabled) {
    if (kept) slots.finish(kept, "neutral");
    park(job, "webhook-disabled", null, header.attempt);
    return;
  }
  // Behind those that are in its lane already: they came first.
  if (kept === null && membership.lanes.has(webhook.record.id)) {
    toLane(job, deps);
    return;
  }
  // In line before anything is awaited, so that what came first is sent first.
  const inLine = kept ?? findSlot(webhook.record.id, slots);
  if (inLine instanceof Promise) {
    // Here and not after the signing, which may end in another order: into the lane as they came.
    void inLine.then((slot) => {
      if (slot === null) toLane(job, deps);
    });
  }
  try {
    await attemptOnce(job, inLine, deps);
  } catch (error) {
    const slot = await inLine;
    deps.running.delete(job.claim);
    if (slot === null) {
      // Its claim has ended in the lane: nothing is left for the reaper.
      deps.log.error({ err: error, webhook_id: webhook.record.id }, "delivery.crashed");
      return;
    }
    slots.finish(slot, "neutral");
    throw error;
  }
}

/** Without a slot there is none. */
async function attemptOnce(
  job: Job,
  inLine: Slot | Promise<Slot | null>,
  deps: AttemptDeps,
): Promise<void> {
  const { membership, claim, event, webhook } = job;
  const { record } = webhook;
  const { running, slots, starts } = deps;
  // Of the first attempt, whatever the webhook's is by now: every attempt sends the same body.
  const header = { ...job.header, dialect: job.header.dialect ?? record.dialect };
  const deliveryId = attemptUuid(header);
  let slot: Slot | null = null;
  let started: Started | null = null;
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
    async () => {
      slot = await inLine;
      if (slot === null) return false;
      started = await starts.enter(slot.unproven);
      slots.begin(slot);
      running.set(claim, { membership, header });
      return true;
    },
  ).finally(() => started && starts.end(started));
  if (attempt === null || slot === null) return;
  // Put back at the end of a drain: it may be sent again, and this run no longer decides.
  if (!running.delete(claim)) return;
  const done: Job = { ...job, header };
  settle(done, attempt);
  keepRecord(done, deliveryId, attempt, deps.recorder);
  deps.onAttempt({ job: done, deliveryId, attempt });
  const held: Slot = slot;
  void attempt.drained.then((drain) => slots.finish(held, slotResult(attempt, drain)));
}

function findSlot(webhookId: string, slots: Slots): Slot | Promise<Slot | null> {
  if (slots.hasWaiters(webhookId)) return slots.wait(webhookId);
  return slots.take(webhookId) ?? slots.wait(webhookId);
}

function toLane(job: Job, { isDraining }: AttemptDeps): void {
  if (isDraining()) {
    putBack(job, "as-it-came");
    return;
  }
  const { membership, claim, header, webhook } = job;
  const webhookId = webhook.record.id;
  membership.settle(claim, { verb: "lane", webhookId, header: JSON.stringify(header) });
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
  const isOurs = outcome.reason === "blocked-address" || outcome.reason === "proxy";
  return isOurs ? "neutral" : "overload";
}
