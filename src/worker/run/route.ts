// Decides what becomes of a claimed item: an element is fanned out, a delivery is attempted, and what can
// be neither is set aside.
import { faultPoint } from "../../fault-point.ts";
import { isDelivery, type DeliveryHeader } from "../../valkey/queue/item.ts";
import type { Claimed } from "../../valkey/queue/claimed.ts";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import { retryWhileAway, type Reconnecting } from "../../valkey/connection/retry.ts";
import { readElement, tooLargeMessage, type EventLimits } from "../../wire/event.ts";
import type { Alerter } from "../after/alerts.ts";
import type { KeyProblems } from "../after/key-problems.ts";
import type { Claims } from "../settle/claims.ts";
import {
  countFiltered,
  endDeleted,
  endFiltered,
  endForNobody,
  fanOutTo,
  park,
  returnUnbegun,
} from "../settle/endings.ts";
import type { Rejecter } from "../settle/reject.ts";
import type { WebhookSource } from "../webhooks/directory.ts";
import { attemptDelivery, DONE, type AttemptDeps } from "./attempt.ts";
import { fanOut, type FanOut } from "./fan-out.ts";
import type { Slot } from "./slots.ts";

export interface RouteDeps {
  limits: EventLimits;
  directory: WebhookSource;
  rejecter: Rejecter;
  attempts: AttemptDeps;
  link: Reconnecting;
  alerter: Pick<Alerter, "raise">;
  keyProblems: Pick<KeyProblems, "reportError">;
}

/** A claim that was taken over this often is set aside, not run again. */
export const MAX_CRASHES = 5;
/** What is stored was accepted once, and stays accepted if the settings change. */
const STORED: EventLimits = { maxEventBytes: Number.MAX_SAFE_INTEGER, eventTypes: "open" };

/**
 * Resolves when the claim's settlement is on its way. `reservedSlot` is a slot of the delivery's webhook
 * that was taken before it was claimed.
 */
export function route(
  claims: Claims,
  claim: Claimed,
  reservedSlot: Slot | null,
  deps: RouteDeps,
): Promise<void> {
  faultPoint("claimed");
  const { header } = claim;
  if (isSetAside(claims, claim, deps)) {
    if (reservedSlot) deps.attempts.slots.finish(reservedSlot, "neutral");
    return DONE;
  }
  if (deps.attempts.state.isDraining) {
    if (reservedSlot) deps.attempts.slots.finish(reservedSlot, "neutral");
    returnUnbegun(claims, claim);
    return DONE;
  }
  return isDelivery(header)
    ? routeDelivery(claims, claim, header, reservedSlot, deps)
    : routeElement(claims, claim, deps);
}

/** An item that is not whole can only be rejected, also while the worker drains. */
function isSetAside(claims: Claims, claim: Claimed, deps: RouteDeps): boolean {
  const { header, damage } = claim;
  if (damage !== undefined) {
    const message = `an item of ${claims.queue} cannot be read: ${damage}`;
    deps.rejecter.add(claims, claim, { reason: "unreadable", field: null, message });
    deps.alerter.raise("item.unreadable", { queue: claims.queue, message });
    return true;
  }
  if (isDelivery(header) || header.size === undefined) return false;
  const found = tooLargeMessage(header.size, deps.limits.maxEventBytes);
  const message = `${found}; only its first ${claim.bytes?.length ?? 0} bytes were kept`;
  deps.rejecter.add(claims, claim, { reason: "too-large", field: null, message });
  return true;
}

function routeElement(claims: Claims, claim: Claimed, deps: RouteDeps): Promise<void> {
  if (claim.crashes >= MAX_CRASHES) {
    deps.rejecter.add(claims, claim, {
      reason: "crashed-worker",
      field: null,
      message: `its worker ended ${claim.crashes} times while it held this element`,
    });
    return DONE;
  }
  const result = fanOut(claim, deps.limits, deps.directory);
  // No promise where the webhooks are cached: on the hot path each costs time.
  if (!(result instanceof Promise)) return follow(result, claims, claim, deps);
  return whenReadable(result, () => fanOut(claim, deps.limits, deps.directory), deps).then(
    (fanned) => follow(fanned, claims, claim, deps),
  );
}

function follow(result: FanOut, claims: Claims, claim: Claimed, deps: RouteDeps): Promise<void> {
  switch (result.kind) {
    case "rejected":
      deps.rejecter.add(claims, claim, result.rejection);
      return DONE;
    case "nobody":
      endForNobody(claims, claim);
      return DONE;
    case "filtered":
      endFiltered(claims, claim, result.counts);
      return DONE;
    case "many":
      if (result.filtered) countFiltered(claim, result.filtered);
      fanOutTo(claims, claim, result.event, result.headers);
      return DONE;
    case "one": {
      const { event, header, webhook } = result;
      if (result.filtered) countFiltered(claim, result.filtered);
      return attemptDelivery({ claims, claim, header, event, webhook }, null, deps.attempts);
    }
  }
}

async function routeDelivery(
  claims: Claims,
  claim: Claimed,
  header: DeliveryHeader,
  reservedSlot: Slot | null,
  deps: RouteDeps,
): Promise<void> {
  const { directory, attempts } = deps;
  const reading = readElement(claim.bytes ?? Buffer.alloc(0), STORED);
  const read = () => directory.get(header.owner);
  let webhooks = directory.peek(header.owner);
  try {
    webhooks ??= await whenReadable(read(), read, deps);
  } catch (error) {
    if (reservedSlot) attempts.slots.finish(reservedSlot, "neutral");
    throw error;
  }
  const webhook = webhooks.find((one) => one.record.id === header.webhook_id);
  if (reading.ok && webhook && claim.crashes < MAX_CRASHES) {
    const { event } = reading;
    await attemptDelivery({ claims, claim, header, event, webhook }, reservedSlot, attempts);
    return;
  }
  if (reservedSlot) attempts.slots.finish(reservedSlot, "neutral");
  if (!webhook) {
    endDeleted(claims, claim);
    attempts.log.info({ webhook_id: header.webhook_id, id: header.id }, "delivery.webhook_deleted");
    return;
  }
  const reason = reading.ok ? "crashed-worker" : "unreadable";
  park({ claims, claim, header }, reading.ok ? reading.event.type : undefined, reason);
  attempts.log.error({ reason, id: header.id, crashes: claim.crashes }, "delivery.set_aside");
}

/** The webhooks of an owner cannot be read for a reason that is no outage. */
export class WebhooksUnreadable extends Error {}

/**
 * Reading the webhooks may meet an outage: the claim is held until they can be read again.
 * @throws WebhooksUnreadable
 */
async function whenReadable<T>(
  first: Promise<T>,
  again: () => T | Promise<T>,
  { link, attempts }: RouteDeps,
): Promise<T> {
  let reading: Promise<T> | null = first;
  try {
    return await retryWhileAway(
      link,
      () => {
        const now = reading ?? again();
        reading = null;
        return now;
      },
      () => attempts.state.isDraining,
    );
  } catch (error) {
    if (error instanceof ValkeyUnavailable) throw error;
    throw new WebhooksUnreadable("an owner's webhooks cannot be read", { cause: error });
  }
}
