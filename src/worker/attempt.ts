// One claimed delivery: a slot of its webhook, one attempt, its settlement, its record. In this order
// (guarantee 8): whatever fails after the settlement costs a log line, not a delivery.
import type { Drain } from "../delivery/drain.ts";
import { deliver, type Attempt, type DeliverDeps } from "../delivery/deliver.ts";
import type { DeliveryHeader } from "../valkey/item.ts";
import type { Claimed } from "../valkey/queue-store.ts";
import { dialectOf, type DialectName } from "../wire/dialects/registry.ts";
import type { Event } from "../wire/event.ts";
import { attemptUuid } from "../valkey/delivery-id.ts";
import type { AttemptToKeep } from "../valkey/kept-store.ts";
import { logEntryOf } from "./log-entry-of.ts";
import type { Membership } from "./membership.ts";
import type { Recorder } from "./record.ts";
import type { RegisteredWebhook } from "./registered-webhook.ts";
import type { Slot, SlotResult, Slots } from "./slots.ts";
import type { WorkerLog } from "./worker-log.ts";

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

export interface FinishedAttempt {
  job: Job;
  deliveryId: string;
  attempt: Attempt;
}

/** Runs a delivery to its settlement. `kept` is a slot that was taken for it beforehand. */
export async function runDelivery(job: Job, kept: Slot | null, deps: AttemptDeps): Promise<void> {
  const { membership, claim, header, webhook } = job;
  if (!webhook.record.enabled) {
    if (kept) deps.slots.finish(kept, "neutral");
    park(job, "webhook-disabled", null, header.attempt);
    return;
  }
  const slot = kept ?? (await findSlot(job, deps));
  if (slot === null) {
    if (deps.isDraining()) putBack(job, "as-it-came");
    else {
      membership.settle(claim, {
        verb: "lane",
        webhookId: webhook.record.id,
        header: JSON.stringify(header),
      });
    }
    return;
  }
  deps.running.set(claim, { membership, header });
  try {
    await attemptOnce(job, slot, deps);
  } catch (error) {
    deps.slots.finish(slot, "neutral");
    throw error;
  } finally {
    deps.running.delete(claim);
  }
}

async function attemptOnce(job: Job, slot: Slot, deps: AttemptDeps): Promise<void> {
  const { header, event, webhook } = job;
  const deliveryId = attemptUuid(header);
  // Of the first attempt, whatever the webhook's is by now: every attempt sends the same body.
  const dialect = header.dialect ?? webhook.record.dialect;
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
        url: webhook.record.url,
        dialect: dialectOf(dialect),
        secrets: webhook.signers(deps.deliver.now()),
        headers: webhook.record.headers,
        timeoutMs: webhook.record.timeout_ms,
        scheduleMs: webhook.scheduleMs,
      },
    },
    deps.deliver,
  );
  // Put back at the end of a drain: it may be sent again, and this run no longer decides.
  if (!deps.running.has(job.claim)) return;
  settle(job, attempt, dialect);
  record(job, deliveryId, attempt, dialect, deps.recorder);
  deps.onAttempt({ job, deliveryId, attempt });
  void attempt.drained.then((drain) => deps.slots.finish(slot, slotResult(attempt, drain)));
}

async function findSlot(job: Job, deps: AttemptDeps): Promise<Slot | null> {
  const { slots } = deps;
  const webhookId = job.webhook.record.id;
  // Behind those that are in its lane already: they came first.
  if (job.membership.lanes.has(webhookId)) return null;
  if (slots.hasWaiters(webhookId)) return slots.wait(webhookId);
  return slots.take(webhookId) ?? slots.wait(webhookId);
}

function settle(
  { membership, claim, header, event }: Job,
  { outcome }: Attempt,
  dialect: DialectName,
): void {
  switch (outcome.outcome) {
    case "delivered":
      membership.settle(claim, { verb: "done", ending: "delivered" });
      return;
    case "retry":
      membership.settle(claim, {
        verb: "retry",
        delivery: header.delivery,
        delayMs: outcome.delayMs,
        header: JSON.stringify({ ...header, attempt: header.attempt + 1, runs: 0, dialect }),
      });
      return;
    case "parked":
      park(
        { membership, claim, header: { ...header, dialect }, event },
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

function record(
  { claim, header, event, webhook }: Job,
  deliveryId: string,
  attempt: Attempt,
  dialect: DialectName,
  recorder: Recorder,
): void {
  const entry = logEntryOf({
    deliveryId,
    webhookId: webhook.record.id,
    eventId: header.id,
    eventType: event.type,
    attempt: header.attempt,
    result: attempt,
  });
  const { outcome } = attempt;
  const health =
    outcome.outcome === "delivered"
      ? "success"
      : outcome.countsTowardsDisabling
        ? "failure"
        : "ignored";
  const kept: AttemptToKeep = {
    header: { ...header, dialect },
    outcome: outcome.outcome,
    // A retry's bytes wait in the schedule.
    element: outcome.outcome === "retry" ? null : claim.bytes,
  };
  recorder.add({ owner: webhook.owner, entry, kept, health });
}

function slotResult({ outcome }: Attempt, drain: Drain): SlotResult {
  // It said what came of the request, but it held the slot like one that says nothing.
  if (drain === "unfinished") return "overload";
  if (outcome.outcome === "delivered") return "success";
  if (outcome.statusCode !== null) return "neutral";
  return outcome.reason === "blocked-address" ? "neutral" : "overload";
}
