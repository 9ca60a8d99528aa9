// One event for one webhook, outside of every queue: sent as any delivery is, but not claimed, not retried,
// not redelivered and not counted. Its owner's log has it, where that can be written.
import { deliver, type DeliverDeps } from "../../delivery/deliver.ts";
import { MAX_STORED_BODY_BYTES, type BodyStore } from "../../valkey/history/body-store.ts";
import type { LogStore } from "../../valkey/history/log-store.ts";
import { attemptUuid, newDeliveryName } from "../../valkey/queue/delivery-id.ts";
import type { DeliveryHeader } from "../../valkey/queue/item.ts";
import { dialectOf } from "../../wire/dialects/registry.ts";
import type { LogEntry } from "../../wire/log-entry.ts";
import type { WebhookRecord } from "../../wire/webhook.ts";
import { describeAttempt } from "../after/describe-attempt.ts";
import { logEntryOf } from "../after/log-entry.ts";
import { prepareWebhook } from "../webhooks/prepared-webhook.ts";
import type { WorkerLog } from "../../log.ts";

export interface TestAttemptDeps {
  deliver: DeliverDeps;
  logs: Pick<LogStore, "add">;
  bodies: Pick<BodyStore, "entriesOf">;
  log: WorkerLog;
}

/** The first attempt is the last. */
const ONCE: readonly number[] = [0];

/** `data` is the text of a JSON object. */
export interface TestEvent {
  id: string;
  type: string;
  data: string;
}

export async function attemptTest(
  record: WebhookRecord,
  { id, type, data }: TestEvent,
  deps: TestAttemptDeps,
): Promise<LogEntry> {
  const webhook = prepareWebhook(record);
  const nowMs = deps.deliver.now();
  const header: DeliveryHeader = {
    delivery: newDeliveryName(webhook.ownerTag),
    webhook_id: record.id,
    owner: webhook.owner,
    id,
    timestamp: new Date(nowMs).toISOString(),
    attempt: 1,
    runs: 0,
    dialect: record.dialect,
  };
  const deliveryId = attemptUuid(header);
  const result = await deliver(
    {
      deliveryId,
      attempt: 1,
      event: { id, type, timestamp: header.timestamp, data },
      target: {
        url: record.url,
        dialect: dialectOf(record.dialect),
        secrets: webhook.signers(nowMs),
        headers: record.headers,
        timeoutMs: record.timeout_ms,
        scheduleMs: ONCE,
      },
    },
    deps.deliver,
  );
  // Who asked wants to see the answer's body too, which is read for up to a second.
  await result.transcript?.whenComplete;
  const entry = logEntryOf({
    deliveryId,
    webhookId: record.id,
    eventId: id,
    eventType: type,
    attempt: 1,
    result,
  });
  const described = describeAttempt(result, record);
  const detail = described && { ...described, test_element: elementOf(record, type, data) };
  const { outcome } = result.outcome;
  const lists = detail ? [deps.bodies.entriesOf([{ header, outcome, element: null, detail }])] : [];
  try {
    await deps.logs.add(webhook.owner, entry, ...lists);
  } catch (error) {
    // Guarantee 8, as for any attempt: it was made, and whoever asked is told.
    deps.log.warn({ err: error, owners: 1 }, "log.dropped");
  }
  return entry;
}

/** As a producer would have pushed it. Not where elements are kept: a test is not redelivered. */
function elementOf({ user_id, org_id }: WebhookRecord, type: string, data: string): string {
  const head = JSON.stringify({ user_id, org_id, event: type });
  const element = `${head.slice(0, -1)},"data":${data}}`;
  return Buffer.byteLength(element) > MAX_STORED_BODY_BYTES ? "" : element;
}
