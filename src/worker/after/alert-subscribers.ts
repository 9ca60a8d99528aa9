// Tells an owner's own webhooks about its other ones: `webhook.disabled` and `delivery.parked`, as deliveries
// like any other, to those that name the type. No webhook is told about itself, and an alert that cannot be
// delivered is not told again: two dead webhooks would otherwise tell each other without end.
import { newDeliveryName } from "../../valkey/queue/delivery-id.ts";
import type { QueueStore } from "../../valkey/queue/queue-store.ts";
import type { WebhookStore } from "../../valkey/webhooks/webhook-store.ts";
import { isOwnerAlert, type Alert } from "../../wire/alert.ts";
import { elementText, type Event } from "../../wire/event.ts";
import { splitOwnerRef } from "../../wire/owner.ts";
import type { WorkerLog } from "../../log.ts";
import { prepareForEvents, type PreparedWebhook } from "../webhooks/prepared-webhook.ts";

export interface AlertSubscribersOptions {
  webhooks: Pick<WebhookStore, "list">;
  /** Alerts are delivered by this queue. */
  queue: Pick<QueueStore, "enqueue">;
  log: WorkerLog;
}

export class AlertSubscribers {
  constructor(private readonly options: AlertSubscribersOptions) {}

  /** Returns how many webhooks are told. @throws ValkeyUnavailable */
  async tell(alert: Alert, about: PreparedWebhook): Promise<number> {
    if (!isOwnerAlert(alert.kind)) return 0;
    const { webhooks, log } = this.options;
    const others = (await webhooks.list(about.owner)).filter(
      ({ id, enabled, events }) => id !== about.record.id && enabled && events.includes(alert.kind),
    );
    const event = eventOf(alert, about);
    let told = 0;
    for (const record of others) {
      const webhook = await prepareForEvents(record, log);
      if (!isWanted(webhook, event)) continue;
      await this.enqueue(event, webhook);
      told += 1;
    }
    return told;
  }

  private async enqueue(event: AlertEvent, webhook: PreparedWebhook): Promise<void> {
    await this.options.queue.enqueue(
      {
        delivery: newDeliveryName(webhook.ownerTag),
        webhook_id: webhook.record.id,
        owner: webhook.owner,
        id: event.id,
        timestamp: event.timestamp,
        attempt: 1,
        runs: 0,
      },
      elementText(event),
    );
  }
}

type AlertEvent = Event & { id: string; timestamp: string };

function eventOf(alert: Alert, { owner }: PreparedWebhook): AlertEvent {
  const { kind, id } = splitOwnerRef(owner);
  return {
    ...(kind === "user" ? { userId: id } : { orgId: id }),
    type: alert.kind,
    id: alert.id,
    timestamp: alert.at,
    data: JSON.stringify(alert),
  };
}

function isWanted({ record, filter }: PreparedWebhook, event: AlertEvent): boolean {
  // Disabled here: its filter does not compile in this version.
  return record.enabled && (filter === null || filter.judge(event).verdict === "match");
}
