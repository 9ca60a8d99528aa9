// Ids as types, so that one kind cannot be passed for another. Owners have theirs in owner.ts: `OwnerRef`.

declare const kind: unique symbol;

/** A webhook: `wh_` and 24 random characters. */
export type WebhookId = `wh_${string}`;

/** An attempt: the UUID that receivers see, and by which a delivery is looked up. */
export type DeliveryId = `${string}-${string}-${string}-${string}-${string}`;

/** A delivery over all its attempts: the 28 hex digits that their UUIDs begin with. Only inside Valkey. */
export type DeliveryName = string & { readonly [kind]: "delivery" };

export function isWebhookId(text: string): text is WebhookId {
  return /^wh_[A-Za-z0-9_-]{1,64}$/.test(text);
}

export function isDeliveryId(text: string): text is DeliveryId {
  return /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/.test(text);
}
