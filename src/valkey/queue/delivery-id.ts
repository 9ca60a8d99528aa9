// Makes the UUID of an attempt from its owner's tag, its delivery, how often the attempt was started, and its
// number. So no two requests share a UUID, and each leads back to its delivery.
import { hash, randomBytes } from "node:crypto";
import type { DeliveryId, DeliveryName } from "../../wire/ids.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { DeliveryHeader } from "./item.ts";

const TAG_DIGITS = 10;
const DELIVERY_DIGITS = 28;

/** Returns the tag by which an owner's last deliveries are found from a delivery id. Two owners may share one. */
export function ownerTag(owner: OwnerRef): string {
  return hash("sha256", owner).slice(0, TAG_DIGITS);
}

export function tagOf(delivery: DeliveryName): string {
  return delivery.slice(0, TAG_DIGITS);
}

/** Returns the name of a new delivery: the UUIDs of all its attempts begin with it. */
export function newDeliveryName(tag: string): DeliveryName {
  const random = randomDigits(RANDOM_DIGITS);
  const variant = VARIANTS[Number.parseInt(random.slice(-1), 16) & 3] ?? "8";
  return `${tag}${random.slice(0, 2)}4${random.slice(2, 5)}${variant}${random.slice(5, -1)}` as DeliveryName;
}

/** The digits 12 and 16 are version and variant, as in any UUID. */
const RANDOM_DIGITS = DELIVERY_DIGITS - TAG_DIGITS - 1;
const VARIANTS = ["8", "9", "a", "b"];

const RANDOM_BYTES = 2_048;
let digits = "";
let digitsUsed = 0;

/** Draws many digits at a time: one call of the generator per name costs more than the rest of the name. */
function randomDigits(count: number): string {
  if (digitsUsed + count > digits.length) {
    digits = randomBytes(RANDOM_BYTES).toString("hex");
    digitsUsed = 0;
  }
  digitsUsed += count;
  return digits.slice(digitsUsed - count, digitsUsed);
}

/** Has the form of version 4 (RFC 9562 §5.4), because receivers' validators know that one. */
export function attemptUuid({ delivery, runs, attempt }: DeliveryHeader): DeliveryId {
  const hex = `${delivery}${byte(runs)}${byte(attempt)}`;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Returns the delivery that an attempt's UUID belongs to. */
export function deliveryOf(uuid: string): DeliveryName {
  return uuid.replaceAll("-", "").toLowerCase().slice(0, DELIVERY_DIGITS) as DeliveryName;
}

/** Returns the header of a new delivery of the same event to the same webhook, before its first attempt. */
export function again(header: DeliveryHeader): DeliveryHeader {
  return {
    delivery: newDeliveryName(tagOf(header.delivery)),
    webhook_id: header.webhook_id,
    owner: header.owner,
    id: header.id,
    timestamp: header.timestamp,
    attempt: 1,
    runs: 0,
    dialect: header.dialect,
  };
}

const BYTES = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"));

function byte(n: number): string {
  return BYTES[n & 0xff] ?? "";
}
