// One event for one webhook, outside of every queue: sent as any delivery is, but not
// claimed, not retried, not kept and not counted. Its owner's log has it, where that can be written.
import { deliver, type DeliverDeps } from "../../delivery/deliver.ts";
import type { LogStore } from "../../valkey/history/log-store.ts";
import { dialectOf } from "../../wire/dialects/registry.ts";
import type { LogEntry } from "../../wire/log-entry.ts";
import type { WebhookRecord } from "../../wire/webhook.ts";
import { logEntryOf } from "../after/log-entry.ts";
import { prepareWebhook } from "../webhooks/prepared-webhook.ts";
import type { WorkerLog } from "../../log.ts";

export interface TestAttemptDeps {
  deliver: DeliverDeps;
  logs: Pick<LogStore, "add">;
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
  const deliveryId = crypto.randomUUID();
  const nowMs = deps.deliver.now();
  const result = await deliver(
    {
      deliveryId,
      attempt: 1,
      event: {
        id,
        type,
        timestamp: new Date(nowMs).toISOString(),
        data,
      },
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
  const entry = logEntryOf({
    deliveryId,
    webhookId: record.id,
    eventId: id,
    eventType: type,
    attempt: 1,
    result,
  });
  try {
    await deps.logs.add(webhook.owner, entry);
  } catch (error) {
    // Guarantee 8, as for any attempt: it was made, and whoever asked is told.
    deps.log.warn({ err: error, owners: 1 }, "log.dropped");
  }
  return entry;
}
