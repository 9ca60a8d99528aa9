// Raises alerts for the operator: on the list and the channel, in the log, and to `FLUXHOOK_ALERT_URL` as
// a delivery like any other. At most one per webhook and kind in ten minutes, and none about an alert.
import { randomUUID } from "node:crypto";
import { BoundedMap } from "../../bounded-map.ts";
import { ALERT_EVERY_MS, type AlertStore } from "../../valkey/history/alert-store.ts";
import { newDeliveryName, ownerTag } from "../../valkey/queue/delivery-id.ts";
import type { QueueStore } from "../../valkey/queue/queue-store.ts";
import type { WebhookStore } from "../../valkey/webhooks/webhook-store.ts";
import { ALERT_ID_PREFIX, type Alert, type AlertKind } from "../../wire/alert.ts";
import { ownerRef, splitOwnerRef, type OwnerRef } from "../../wire/owner.ts";
import type { WebhookRecord } from "../../wire/webhook.ts";
import { elementText } from "../../wire/event.ts";
import { dialectOf } from "../../wire/dialects/registry.ts";
import { formatDuration } from "../../wire/duration.ts";
import { AlertSubscribers } from "./alert-subscribers.ts";
import { prepareWebhook, type PreparedWebhook } from "../webhooks/prepared-webhook.ts";
import type { WorkerLog } from "../../log.ts";
import type { Counters } from "../../stats/counters.ts";
import type { WakeUp } from "../wake-up.ts";

export interface AlertAbout {
  webhook?: PreparedWebhook;
  queue?: string;
  reason?: string;
  message: string;
  /** The event whose delivery it was. */
  id?: string;
  /** It is about the delivery of an alert: the owner's webhooks are not told. */
  isOfAlert?: boolean;
}

/** The owner of the webhook that `FLUXHOOK_ALERT_URL` makes; it is in no store. */
const ALERT_OWNER = ownerRef("org", "fluxhook.alerts");
const ALERT_WEBHOOK = "wh_alerts";
const MAX_REMEMBERED = 10_000;

export interface AlerterOptions {
  store: AlertStore;
  /** Alerts are delivered by this queue. */
  queue: QueueStore;
  url: string | undefined;
  secret: string | undefined;
  /** The owner's other webhooks may be told. */
  webhooks: Pick<WebhookStore, "list">;
  /** Notified when an alert is to be delivered. */
  claimer: Pick<WakeUp, "notify">;
  log: WorkerLog;
  counters?: Counters;
}

export class Alerter {
  private readonly raised = new BoundedMap<string, number>(MAX_REMEMBERED);
  private readonly webhook: PreparedWebhook | null;
  private readonly subscribers: AlertSubscribers;

  constructor(private readonly options: AlerterOptions) {
    this.webhook =
      options.url !== undefined && options.secret !== undefined
        ? prepareWebhook(alertWebhook(options.url, options.secret))
        : null;
    this.subscribers = new AlertSubscribers(options);
  }

  /** Never throws and is never waited for: an alert that fails is logged. */
  raise(kind: AlertKind, about: AlertAbout): void {
    if (about.webhook?.record.id === ALERT_WEBHOOK) return;
    const subject = about.webhook?.record.id ?? about.queue ?? "";
    if (!this.isNew(`${kind}:${subject}`)) return;
    this.publish(kind, subject, about).catch((error: unknown) => {
      this.raised.delete(`${kind}:${subject}`);
      this.options.log.warn({ err: error, kind, subject }, "alert.failed");
    });
  }

  /** The webhook of `FLUXHOOK_ALERT_URL`, for the directory to find it by its owner. */
  get ownWebhooks(): ReadonlyMap<OwnerRef, readonly PreparedWebhook[]> {
    return new Map([[ALERT_OWNER, this.webhook ? [this.webhook] : []]]);
  }

  private async publish(kind: AlertKind, subject: string, about: AlertAbout): Promise<void> {
    const { store, log } = this.options;
    if (!(await store.mayRaise(kind, subject))) return;
    const alert = alertOf(kind, about);
    log.warn({ ...alert, event: undefined, kind }, "alert.raised");
    this.options.counters?.alerts.add([kind]);
    await store.raise(alert);
    if (this.webhook) await this.deliver(this.webhook, alert);
    if (!about.webhook || about.isOfAlert === true) return;
    const told = await this.subscribers.tell(alert, about.webhook);
    if (told > 0) this.options.claimer.notify();
  }

  private async deliver(webhook: PreparedWebhook, alert: Alert): Promise<void> {
    await this.options.queue.enqueue(
      {
        delivery: newDeliveryName(ownerTag(ALERT_OWNER)),
        webhook_id: ALERT_WEBHOOK,
        owner: webhook.owner,
        id: alert.id,
        timestamp: alert.at,
        attempt: 1,
        runs: 0,
      },
      elementText({
        orgId: splitOwnerRef(ALERT_OWNER).id,
        type: `alert.${alert.kind}`,
        id: alert.id,
        data: JSON.stringify(alert),
      }),
    );
    this.options.claimer.notify();
  }

  private isNew(key: string): boolean {
    const now = performance.now();
    const last = this.raised.get(key);
    if (last !== undefined && now - last < ALERT_EVERY_MS) return false;
    this.raised.set(key, now);
    return true;
  }
}

function alertOf(kind: AlertKind, { webhook, queue, reason, message, id }: AlertAbout): Alert {
  return {
    id: `${ALERT_ID_PREFIX}${randomUUID().replaceAll("-", "")}`,
    kind,
    message,
    ...(webhook && {
      webhook_id: webhook.record.id,
      user_id: webhook.record.user_id,
      org_id: webhook.record.org_id,
    }),
    queue,
    reason,
    event_id: id,
    at: new Date().toISOString(),
  };
}

function alertWebhook(url: string, secret: string): WebhookRecord {
  const { name, timeoutMs, retryScheduleMs } = dialectOf("fluxdrop");
  const now = new Date().toISOString();
  return {
    id: ALERT_WEBHOOK,
    org_id: splitOwnerRef(ALERT_OWNER).id,
    url,
    events: ["*"],
    dialect: name as WebhookRecord["dialect"],
    filter: null,
    description: "FLUXHOOK_ALERT_URL",
    headers: {},
    enabled: true,
    disabled_reason: null,
    disable_rule: null,
    timeout_ms: timeoutMs,
    retry_schedule: retryScheduleMs.map(formatDuration),
    created_at: now,
    updated_at: now,
    secrets: [{ secret, expires_at: null }],
  };
}
