// Deliveries of a scene, in each state in which one can be.
import { addRecent } from "../../src/valkey/history/recent-lists.ts";
import type { StoredAttempt } from "../../src/valkey/history/body-store.ts";
import { attemptUuid, newDeliveryName, ownerTag } from "../../src/valkey/queue/delivery-id.ts";
import { readItem, type DeliveryHeader } from "../../src/valkey/queue/item.ts";
import { ownerOf, type WebhookRecord } from "../../src/wire/webhook.ts";
import { deliveryHeader, TestQueue } from "../valkey/queue/test-queue.ts";
import type { ApiScene } from "./api-scene.ts";

export const PARKED_AT_MS = Date.parse("2026-01-02T03:04:05.678Z");

export function headerFor(
  webhook: WebhookRecord,
  fields: Partial<DeliveryHeader> = {},
): DeliveryHeader {
  const owner = ownerOf(webhook);
  return deliveryHeader(newDeliveryName(ownerTag(owner)), {
    webhook_id: webhook.id,
    owner,
    reason: "http-500",
    status_code: 500,
    event: "file.created",
    ...fields,
  });
}

async function settleAll(
  { stores, redis }: ApiScene,
  headers: readonly DeliveryHeader[],
  how: { verb: "park" } | { verb: "retry"; delayMs: number },
): Promise<TestQueue> {
  const queue = new TestQueue(stores.intake, redis);
  // A worker's claims are numbered, and this queue begins with the first number.
  const worker = crypto.randomUUID();
  await queue.join(worker);
  for (const header of headers) {
    await queue.push("an element");
    const claim = await queue.claimOne(worker);
    await queue.settle(claim, { delivery: header.delivery, header, ...how });
  }
  return queue;
}

/** Parks deliveries, each a second after the one before. */
export async function park(scene: ApiScene, ...headers: DeliveryHeader[]): Promise<void> {
  const queue = await settleAll(scene, headers, { verb: "park" });
  await queue.parkedAt(
    ...headers.map(({ delivery }, at): [number, string] => [PARKED_AT_MS + at * 1_000, delivery]),
  );
}

export async function schedule(scene: ApiScene, header: DeliveryHeader): Promise<void> {
  await settleAll(scene, [header], { verb: "retry", delayMs: 3_600_000 });
}

/** Writes the last attempt of a delivery into the log from which it can be redelivered. */
export async function keep(
  { link, stores }: ApiScene,
  header: DeliveryHeader,
  outcome: StoredAttempt["outcome"],
  element: string | null,
): Promise<void> {
  const attempt = { header, outcome, element: element === null ? null : Buffer.from(element) };
  const entries = stores.bodies.entriesOf([attempt]);
  await addRecent(link, { size: 10, ttlMs: 60_000 }, [entries]);
}

/** The deliveries that run next, the first one first. */
export async function ready({ stores, redis }: ApiScene): Promise<DeliveryHeader[]> {
  const items = await redis.lrangeBuffer(stores.intake.keys.ready, 0, -1);
  return items.toReversed().map((item) => readItem(item).header as DeliveryHeader);
}

export const readyUuids = async (scene: ApiScene) => (await ready(scene)).map(attemptUuid);
