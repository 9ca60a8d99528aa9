// The UUID of an attempt is made of its delivery (28 hex digits), how often that attempt was begun,
// and its number: no two requests share one, and each leads back to its delivery.
import { randomUUID } from "node:crypto";
import type { DeliveryHeader } from "../valkey/item.ts";
import type { RegisteredWebhook } from "./registered-webhook.ts";

export function newDelivery(
  webhook: RegisteredWebhook,
  id: string,
  timestamp: string,
): DeliveryHeader {
  return {
    delivery: randomUUID().replaceAll("-", "").slice(0, 28),
    webhook_id: webhook.record.id,
    owner: webhook.owner,
    id,
    timestamp,
    attempt: 1,
    runs: 0,
  };
}

/** Version 4 in form (RFC 9562 §5.4), because receivers' validators know that one; 106 bits random. */
export function attemptUuid({ delivery, runs, attempt }: DeliveryHeader): string {
  const hex = `${delivery}${byte(runs)}${byte(attempt)}`;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The delivery that an attempt's UUID belongs to. */
export function deliveryOf(uuid: string): string {
  return uuid.replaceAll("-", "").toLowerCase().slice(0, 28);
}

function byte(n: number): string {
  return (n & 0xff).toString(16).padStart(2, "0");
}
