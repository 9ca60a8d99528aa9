// One claimed delivery: a slot of its webhook, one attempt, its settlement, and what follows. In this
// order (guarantee 8): whatever fails after the settlement costs a log line, not a delivery.
import { deliver, type Attempt, type DeliverDeps, type Delivery } from "../../delivery/deliver.ts";
import { DRAINED, type Drain } from "../../delivery/http/answer.ts";
import { attemptUuid } from "../../valkey/queue/delivery-id.ts";
import type { DeliveryHeader } from "../../valkey/queue/item.ts";
import type { Claimed } from "../../valkey/queue/claimed.ts";
import type { DialectName } from "../../wire/dialects/registry.ts";
import { dialectOf } from "../../wire/dialects/registry.ts";
import type { WorkerLog } from "../../log.ts";
import { afterAttempt, type AfterDeps } from "../after/after-attempt.ts";
import type { Job } from "../job.ts";
import type { Claims } from "../settle/claims.ts";
import { endAttempt, isRetry, moveToLane, park, returnUnbegun } from "../settle/endings.ts";
import type { Slot, SlotResult, Slots } from "./slots.ts";
import type { Throughput } from "./throughput.ts";
import type { DeliveryId } from "../../wire/ids.ts";

/** Makes the spans of attempts; null where traces are off. */
export interface AttemptTracer {
  begin(about: {
    deliveryId: string;
    webhookId: string;
    eventId: string;
    eventType: string;
    attempt: number;
    traceparent: string | undefined;
  }): AttemptSpan | null;
}

export interface AttemptSpan {
  /** Goes out in place of the event's own. */
  traceparent: string;
  end(result: {
    endpoint: string;
    outcome: string;
    reason: string | null;
    statusCode: number | null;
  }): void;
}

export interface AttemptDeps {
  slots: Slots;
  throughput: Pick<Throughput, "add">;
  deliver: DeliverDeps;
  after: AfterDeps;
  traces: { readonly tracer: AttemptTracer | null };
  log: WorkerLog;
  /** Attempts under way: a drain waits for them, and returns them when its time is over. */
  running: Map<Claimed, { claims: Claims; header: DeliveryHeader }>;
  state: { readonly isDraining: boolean };
}

/** For what ends without anything to wait for. */
export const DONE = Promise.resolve();

/** Runs a delivery to its settlement. `reservedSlot` was taken for it before it was claimed. */
export function attemptDelivery(
  job: Job,
  reservedSlot: Slot | null,
  deps: AttemptDeps,
): Promise<void> {
  const { claims, webhook } = job;
  if (!webhook.record.enabled) {
    if (reservedSlot) deps.slots.finish(reservedSlot, "neutral");
    park(job, job.event.type, "webhook-disabled");
    return DONE;
  }
  // Deliveries that wait in the webhook's lane came first. A due retry came before all of them: it asks for
  // the next slot, and goes to the head of the lane if it gets none in time.
  if (reservedSlot === null && !isRetry(job.header) && claims.lanes.has(webhook.record.id)) {
    giveUpSlot(job, deps);
    return DONE;
  }
  // Asks for the slot before anything is awaited, so that deliveries are sent in the order of their claims.
  return attemptOnce(job, reservedSlot ?? requestSlot(job, deps), deps);
}

/** Makes one attempt. Returns without sending if the delivery gets no slot. */
async function attemptOnce(
  job: Job,
  slotRequest: Slot | Promise<Slot | null>,
  deps: AttemptDeps,
): Promise<void> {
  const { running, slots } = deps;
  const { record } = job.webhook;
  // No turn is lost where the slot is there: deliveries are sent in the order of their claims.
  const askedAtMs = slotRequest instanceof Promise ? performance.now() : null;
  const slot = slotRequest instanceof Promise ? await slotRequest : slotRequest;
  if (slot === null) return;
  const waitedMs = askedAtMs === null ? 0 : performance.now() - askedAtMs;
  // The dialect of the first attempt, whatever the webhook's is by now: every attempt sends the same body.
  const header = { ...job.header, dialect: job.header.dialect ?? record.dialect };
  slots.begin(slot);
  running.set(job.claim, { claims: job.claims, header });
  try {
    const deliveryId = attemptUuid(header);
    const { tracer } = deps.traces;
    const span = tracer === null ? null : beginSpan(tracer, job, header, deliveryId);
    const attempt = await deliver(
      deliveryOf(job, header, deliveryId, deps.deliver.now(), span),
      deps.deliver,
    );
    if (attempt.transcript !== null) attempt.transcript.waitedMs = waitedMs;
    if (span !== null) span.end({ endpoint: attempt.endpoint, ...attempt.outcome });
    // A drain has returned it meanwhile: it may be sent again, and this run no longer decides.
    if (!running.delete(job.claim)) return;
    const done: Job = { ...job, header };
    endAttempt(done, attempt);
    const { outcome } = attempt;
    if (outcome.outcome !== "delivered" && outcome.pauseMs !== null) {
      slots.pause(record.id, outcome.pauseMs);
    }
    deps.throughput.add();
    afterAttempt({ job: done, deliveryId, attempt }, deps.after);
    if (attempt.drained === DRAINED) slots.finish(slot, slotResult(attempt, "ended"));
    else void attempt.drained.then((drain) => slots.finish(slot, slotResult(attempt, drain)));
  } catch (error) {
    running.delete(job.claim);
    slots.finish(slot, "neutral");
    throw error;
  }
}

function beginSpan(
  tracer: AttemptTracer,
  { event, webhook }: Job,
  { id: eventId, attempt }: DeliveryHeader,
  deliveryId: DeliveryId,
): AttemptSpan | null {
  return tracer.begin({
    deliveryId,
    webhookId: webhook.record.id,
    eventId,
    eventType: event.type,
    attempt,
    traceparent: event.traceparent ?? undefined,
  });
}

function deliveryOf(
  { event, webhook }: Job,
  header: DeliveryHeader & { dialect: DialectName },
  deliveryId: DeliveryId,
  nowMs: number,
  span: AttemptSpan | null,
): Delivery {
  const { record } = webhook;
  return {
    deliveryId,
    attempt: header.attempt,
    event: {
      id: header.id,
      type: event.type,
      timestamp: header.timestamp,
      data: event.data,
      traceparent: span === null ? event.traceparent : span.traceparent,
    },
    target: {
      url: record.url,
      dialect: dialectOf(header.dialect),
      secrets: webhook.signers(nowMs),
      headers: record.headers,
      timeoutMs: record.timeout_ms,
      scheduleMs: webhook.scheduleMs,
    },
  };
}

/** A delivery that gets no slot in time goes to the lane as it came. */
function requestSlot(job: Job, deps: AttemptDeps): Slot | Promise<Slot | null> {
  const { slots } = deps;
  const { id } = job.webhook.record;
  const taken = slots.hasWaiters(id) ? null : slots.take(id);
  return taken ?? slots.wait(id, () => giveUpSlot(job, deps));
}

function giveUpSlot(job: Job, { state }: AttemptDeps): void {
  if (state.isDraining) returnUnbegun(job.claims, job.claim);
  else moveToLane(job);
}

function slotResult({ outcome }: Attempt, drain: Drain): SlotResult {
  // The receiver answered, but it held the slot like one that does not answer.
  if (drain === "unfinished") return "overload";
  if (outcome.outcome === "delivered") return "success";
  if (outcome.statusCode !== null) return "neutral";
  // Nothing was dialled, or the operator has to fix it: neither says anything about the receiver.
  const isNeutral = outcome.reason === "blocked-address" || !outcome.countsTowardsDisabling;
  return isNeutral ? "neutral" : "overload";
}
