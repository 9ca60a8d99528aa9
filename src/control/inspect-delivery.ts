// Finds everything that is known of a delivery, by the UUID of any of its attempts: the attempts, what was sent
// and answered, where the delivery is, what happens next. Reads from several keys, none of which need be there.
import type { AttemptDetail } from "../wire/attempt-detail.ts";
import type { Dialect } from "../wire/dialects/dialect.ts";
import { dialectOf } from "../wire/dialects/registry.ts";
import { readElement } from "../wire/event.ts";
import type { DeliveryId, DeliveryName, WebhookId } from "../wire/ids.ts";
import type { LogEntry } from "../wire/log-entry.ts";
import type { OwnerRef } from "../wire/owner.ts";
import type { BodyStore } from "../valkey/history/body-store.ts";
import type { FailureStore, StoredFailure } from "../valkey/history/failure-store.ts";
import type { LogStore } from "../valkey/history/log-store.ts";
import { attemptUuid, deliveryOf, ownerTag } from "../valkey/queue/delivery-id.ts";
import type { DeliveryHeader } from "../valkey/queue/item.ts";
import type { WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import { ownerOf, type WebhookRecord } from "../wire/webhook.ts";
import type { Redelivery, RedeliveryRefusal, WaitingDelivery } from "./redelivery.ts";

export interface InspectorOptions {
  redelivery: Redelivery;
  bodies: BodyStore;
  failures: FailureStore;
  logs: LogStore;
  webhooks: WebhookStore;
  parkedTtlMs: number;
}

/** One attempt, and the body that it sent. */
export interface InspectedAttempt {
  /** Null if it is neither in the log nor among the failures. */
  entry: LogEntry | null;
  detail: AttemptDetail | null;
  body: AttemptBody;
}

/** The text whose UTF-8 is what was sent, and what made it; or why it is not known. */
export type AttemptBody =
  { text: string; from: BodySource } | { missing: "too-large" | "in-flight" | "not-kept" };

export interface BodySource {
  dialect: Dialect;
  eventId: string;
  eventType: string;
  traceparent?: string;
}

/** Where a delivery is. `unknown`: its last attempts are no longer kept. */
export type DeliveryPlace =
  | { state: "scheduled"; nextAttemptAtMs: number }
  | { state: "parked"; parkedUntilMs: number }
  | { state: "in-flight" | "ended" | "unknown" };

export interface InspectedDelivery extends InspectedAttempt {
  webhookId: WebhookId;
  place: DeliveryPlace;
  /** Those of the delivery that are known, the oldest first. */
  attempts: LogEntry[];
  /** How many of the schedule are left; null if the webhook was deleted. */
  remainingAttempts: number | null;
  /** Null if it can be redelivered. */
  redeliverRefusal: RedeliveryRefusal | null;
  isTest: boolean;
}

/** An attempt as one of the stores has it. */
interface Known {
  header: DeliveryHeader;
  outcome: string;
  entry: LogEntry | null;
  detail: AttemptDetail | null;
  element: string | null;
}

export class DeliveryInspector {
  constructor(private readonly options: InspectorOptions) {}

  /** Returns null for a delivery that is unknown, or not of the owner `only`; null: no restriction. */
  async inspect(uuid: DeliveryId, only: OwnerRef | null): Promise<InspectedDelivery | null> {
    const { redelivery, webhooks } = this.options;
    const delivery = deliveryOf(uuid);
    const waiting = await redelivery.findWaiting(delivery);
    const known = await this.known(delivery);
    const header = known[0]?.header ?? waiting?.header;
    if (!header || (only !== null && header.owner !== only)) return null;
    const [entries, redeliverRefusal, webhook] = await Promise.all([
      this.entriesOf(delivery, header.owner, known),
      redelivery.refusalOf(delivery, only),
      webhooks.get(header.webhook_id),
    ]);
    const wanted = uuid.toLowerCase();
    const attempt = known.find((one) => attemptUuid(one.header) === wanted);
    const newest = known[0];
    const next = waiting?.state === "scheduled" ? waiting.header.attempt : null;
    return {
      webhookId: header.webhook_id,
      entry: entries.find((one) => one.delivery_id === wanted) ?? null,
      detail: attempt?.detail ?? null,
      body: await this.bodyOf(delivery, attempt?.header ?? header, known, waiting),
      place: await this.placeOf(delivery, newest, waiting),
      attempts: entries,
      remainingAttempts: webhook && next !== null ? remaining(webhook, next) : null,
      redeliverRefusal,
      isTest: known.some(({ detail }) => detail?.test_element !== undefined),
    };
  }

  /** Returns the failed attempts of a webhook that are kept, the newest first. */
  async failuresOf(webhook: WebhookRecord): Promise<(InspectedAttempt & { entry: LogEntry })[]> {
    const owner = ownerOf(webhook);
    const all = await this.options.failures.ofWebhook(ownerTag(owner), webhook.id);
    return all
      .filter(({ header }) => header.owner === owner)
      .map(({ header, entry, detail = null, element }) => ({
        entry,
        detail,
        body: element === null ? { missing: "too-large" } : bodyText(header, element),
      }));
  }

  /** The attempts of which more is kept than their log entry, the newest first. */
  private async known(delivery: DeliveryName): Promise<Known[]> {
    const { bodies, failures } = this.options;
    const [stored, failed] = await Promise.all([
      bodies.attemptsOf(delivery),
      failures.ofDelivery(delivery),
    ]);
    const kept = stored.map(({ header, outcome, element, detail = null }): Known => {
      const failure = failed.find((one) => isSameAttempt(one, header));
      return {
        header,
        outcome,
        entry: failure?.entry ?? null,
        detail,
        element: element ?? failure?.element ?? null,
      };
    });
    const others = failed
      .filter((one) => !stored.some(({ header }) => isSameAttempt(one, header)))
      .map(({ header, entry, detail = null, element }): Known => ({
        header,
        outcome: entry.outcome,
        entry,
        detail,
        element,
      }));
    return [...kept, ...others].toSorted((a, b) => b.header.attempt - a.header.attempt);
  }

  private async entriesOf(
    delivery: DeliveryName,
    owner: OwnerRef,
    known: readonly Known[],
  ): Promise<LogEntry[]> {
    const logged = await this.options.logs.read(owner);
    const ofDelivery = logged.filter(
      ({ delivery_id }) => delivery_id !== "" && deliveryOf(delivery_id) === delivery,
    );
    const ids = new Set(ofDelivery.map(({ delivery_id }) => delivery_id));
    const others = known.flatMap(({ entry }) =>
      entry === null || ids.has(entry.delivery_id) ? [] : entry,
    );
    return [...ofDelivery, ...others].toSorted(
      (a, b) => a.attempt - b.attempt || a.timestamp.localeCompare(b.timestamp),
    );
  }

  /** All attempts send the same body (guarantee 4), so any place that has the element will do. */
  private async bodyOf(
    delivery: DeliveryName,
    header: DeliveryHeader,
    known: readonly Known[],
    waiting: WaitingDelivery | null,
  ): Promise<AttemptBody> {
    const test = known.find(({ detail }) => detail?.test_element !== undefined);
    const element =
      test?.detail?.test_element ?? known.find((one) => one.element !== null)?.element;
    if (element === "") return { missing: "too-large" };
    if (typeof element === "string") return bodyText(header, element);
    const bytes = await waiting?.store.element(delivery);
    if (bytes) return bodyText(header, bytes.toString());
    if (known[0] === undefined) return { missing: "not-kept" };
    return { missing: known[0].outcome === "retry" ? "in-flight" : "too-large" };
  }

  private async placeOf(
    delivery: DeliveryName,
    newest: Known | undefined,
    waiting: WaitingDelivery | null,
  ): Promise<DeliveryPlace> {
    if (waiting?.state === "scheduled") {
      const nextAttemptAtMs = await waiting.store.dueAtMs(delivery);
      if (nextAttemptAtMs !== null) return { state: "scheduled", nextAttemptAtMs };
    }
    if (waiting?.state === "parked") {
      const parkedAtMs = await waiting.store.parkedAtMs(delivery);
      if (parkedAtMs !== null) {
        return { state: "parked", parkedUntilMs: parkedAtMs + this.options.parkedTtlMs };
      }
    }
    if (newest === undefined) return { state: "in-flight" };
    if (newest.outcome !== "retry") return { state: "ended" };
    const [stored] = await this.options.bodies.attemptsOf(delivery);
    return { state: stored?.outcome === "retry" ? "in-flight" : stored ? "ended" : "unknown" };
  }
}

function isSameAttempt(failure: StoredFailure, { attempt, runs }: DeliveryHeader): boolean {
  return failure.header.attempt === attempt && failure.header.runs === runs;
}

/** The body is a pure function of what is stored. */
function bodyText(header: DeliveryHeader, element: string): AttemptBody {
  const reading = readElement(Buffer.from(element), {
    maxEventBytes: Number.MAX_SAFE_INTEGER,
    eventTypes: "open",
  });
  if (!reading.ok || header.dialect === undefined) return { missing: "not-kept" };
  const { type, data, traceparent } = reading.event;
  const { id, timestamp } = header;
  const dialect = dialectOf(header.dialect);
  return {
    text: dialect.envelope({ id, type, timestamp, data }),
    from: { dialect, eventId: id, eventType: type, traceparent },
  };
}

/** Attempts that the schedule has left, the next one included. */
function remaining(webhook: WebhookRecord, next: number): number {
  return Math.max(0, webhook.retry_schedule.length - next + 1);
}
