// What becomes of a claimed item: an element is fanned out, a delivery is run, what cannot be either
// is set aside.
import { isDelivery, type DeliveryHeader } from "../../valkey/queue/item.ts";
import type { Claimed } from "../../valkey/queue/queue-store.ts";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import { readElement, tooLargeMessage, type EventLimits } from "../../wire/event.ts";
import { faultPoint } from "../../fault-point.ts";
import { park, runDelivery, type AttemptDeps } from "./attempt.ts";
import { fanOut, type Directory, type FanOut } from "./fan-out.ts";
import type { Membership } from "../settle/membership.ts";
import { MOST_CRASHES } from "../settle/heartbeat.ts";
import type { Rejections } from "../settle/reject.ts";
import type { Slot } from "./slots.ts";

export interface RouteDeps {
  limits: EventLimits;
  directory: Directory;
  rejections: Rejections;
  attempts: AttemptDeps;
  whenUp: () => Promise<boolean>;
  /** An item that cannot be read was found, and is set aside. */
  onUnreadable: (queue: string, message: string) => void;
}

/** What is stored was accepted once; settings that have changed since do not unmake it. */
const STORED: EventLimits = { maxEventBytes: Number.MAX_SAFE_INTEGER, eventTypes: "open" };

const ENDED = Promise.resolve();

/** Resolves when the claim's settlement is on its way. `kept` is a slot that was taken for it. */
export function route(
  membership: Membership,
  claim: Claimed,
  kept: Slot | null,
  deps: RouteDeps,
): Promise<void> {
  faultPoint("claimed");
  const { header } = claim;
  if (isSetAside(membership, claim, deps)) {
    if (kept) deps.attempts.slots.finish(kept, "neutral");
    return ENDED;
  }
  if (deps.attempts.isDraining()) {
    if (kept) deps.attempts.slots.finish(kept, "neutral");
    const back = isDelivery(header) ? JSON.stringify(header) : null;
    membership.settle(claim, { verb: "back", header: back });
    return ENDED;
  }
  return isDelivery(header)
    ? routeDelivery(membership, claim, header, kept, deps)
    : routeElement(membership, claim, deps);
}

/** What is not whole: it can go nowhere but to the rejected elements, also while the worker drains. */
function isSetAside(membership: Membership, claim: Claimed, deps: RouteDeps): boolean {
  const { header, damage } = claim;
  if (damage !== undefined) {
    const message = `an item of ${membership.store.queue} cannot be read: ${damage}`;
    deps.rejections.add(membership, claim, { reason: "unreadable", field: null, message });
    deps.onUnreadable(membership.store.queue, message);
    return true;
  }
  if (isDelivery(header) || header.size === undefined) return false;
  const found = tooLargeMessage(header.size, deps.limits.maxEventBytes);
  const message = `${found}; only its first ${claim.bytes?.length ?? 0} bytes were kept`;
  deps.rejections.add(membership, claim, { reason: "too-large", field: null, message });
  return true;
}

function routeElement(membership: Membership, claim: Claimed, deps: RouteDeps): Promise<void> {
  if (claim.crashes >= MOST_CRASHES) {
    deps.rejections.add(membership, claim, {
      reason: "crashed-worker",
      field: null,
      message: `its worker ended ${claim.crashes} times while it held this element`,
    });
    return ENDED;
  }
  const read = () => fanOut(claim, deps.limits, deps.directory);
  const result = read();
  return result instanceof Promise
    ? untilUp(result, read, deps).then((fanned) => follow(fanned, membership, claim, deps))
    : follow(result, membership, claim, deps);
}

function follow(
  result: FanOut,
  membership: Membership,
  claim: Claimed,
  deps: RouteDeps,
): Promise<void> {
  switch (result.kind) {
    case "rejected":
      deps.rejections.add(membership, claim, result.rejection);
      return ENDED;
    case "nobody":
      membership.settle(claim, { verb: "done", ending: "nobody" });
      return ENDED;
    case "many":
      membership.settle(claim, {
        verb: "fan",
        event: result.event,
        headers: result.headers.map((header) => JSON.stringify(header)),
      });
      return ENDED;
    case "one": {
      const { event, header, webhook } = result;
      return runDelivery({ membership, claim, header, event, webhook }, null, deps.attempts);
    }
  }
}

async function routeDelivery(
  membership: Membership,
  claim: Claimed,
  header: DeliveryHeader,
  kept: Slot | null,
  deps: RouteDeps,
): Promise<void> {
  const { directory, attempts } = deps;
  const reading = readElement(claim.bytes ?? Buffer.alloc(0), STORED);
  const read = () => directory.get(header.owner);
  let webhooks = directory.peek(header.owner);
  try {
    webhooks ??= await untilUp(read(), read, deps);
  } catch (error) {
    if (kept) attempts.slots.finish(kept, "neutral");
    throw error;
  }
  const webhook = webhooks.find((one) => one.record.id === header.webhook_id);
  if (reading.ok && webhook && claim.crashes < MOST_CRASHES) {
    const { event } = reading;
    await runDelivery({ membership, claim, header, event, webhook }, kept, attempts);
    return;
  }
  if (kept) attempts.slots.finish(kept, "neutral");
  if (!webhook) {
    membership.settle(claim, { verb: "done", ending: "deleted" });
    attempts.log.info({ webhook_id: header.webhook_id, id: header.id }, "delivery.webhook_deleted");
    return;
  }
  const event = reading.ok ? reading.event : null;
  const reason = reading.ok ? "crashed-worker" : "unreadable";
  park({ membership, claim, header, event }, reason, null, header.attempt);
  attempts.log.error({ reason, id: header.id, crashes: claim.crashes }, "delivery.set_aside");
}

/** The webhooks of an owner cannot be read for a reason that is no outage. */
export class WebhooksUnreadable extends Error {}

const POSTPONED_MS = 5_000;

/** Onto the schedule as it came, so that it takes nobody's room until its webhooks can be read. */
export function postpone(membership: Membership, claim: Claimed): void {
  const { header } = claim;
  const delivery = isDelivery(header) ? header.delivery : `element-${header.claim}`;
  membership.settle(claim, {
    verb: "retry",
    delivery,
    delayMs: POSTPONED_MS,
    header: JSON.stringify(header),
  });
}

/** Reading the webhooks may meet an outage; the claim is kept meanwhile. */
async function untilUp<T>(
  first: Promise<T>,
  again: () => T | Promise<T>,
  deps: RouteDeps,
): Promise<T> {
  for (let reading: T | Promise<T> = first; ; reading = again()) {
    try {
      return await reading;
    } catch (error) {
      if (!(error instanceof ValkeyUnavailable)) {
        throw new WebhooksUnreadable("an owner's webhooks cannot be read", { cause: error });
      }
      if (deps.attempts.isDraining()) throw error;
      await deps.whenUp();
    }
  }
}
