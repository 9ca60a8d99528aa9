// An item is one unit of work, as it is stored in a claim, the schedule, a lane, the ready list or parked:
// `<crashes> <e|r> <header JSON>\n<bytes>`. An `e` item carries the element's bytes; the bytes of an `r` item
// name a fanned-out event, whose own bytes are stored once. scripts/lib.lua has the same syntax for scripts.
import type { DialectName } from "../../wire/dialects/registry.ts";
import type { DeliveryName, WebhookId } from "../../wire/ids.ts";
import type { OwnerRef } from "../../wire/owner.ts";

/** Header of an element that was claimed: its webhooks have not been looked up yet. */
export interface ElementHeader {
  /** `<worker>-<number>`, unique; an event without an id gets one that is made from it. */
  claim: string;
  /** Server time of the claim in ms; the timestamp of an event without one. */
  at: number;
  /** Size of an element that was too large to be claimed whole; the item contains its first bytes. */
  size?: number;
  /** Where the element waits in a lane: whose. Deliveries have `webhook_id`. */
  lane?: string;
}

/** Header of a delivery: one event for one webhook, over all attempts. */
export interface DeliveryHeader {
  /** 28 hex digits; the UUIDs of all its attempts begin with them. */
  delivery: DeliveryName;
  webhook_id: WebhookId;
  owner: OwnerRef;
  /** The event's id and timestamp, fixed at its first claim. */
  id: string;
  timestamp: string;
  /** Number of the next attempt, from 1. */
  attempt: number;
  /** How often the attempt was started without being settled; each start gets its own UUID. */
  runs: number;
  /** Set by the first attempt, so that every attempt sends the same body. */
  dialect?: DialectName;
  /** Parked only. */
  reason?: string;
  status_code?: number | null;
  event?: string;
}

export type ItemHeader = ElementHeader | DeliveryHeader;

export function isDelivery(header: ItemHeader): header is DeliveryHeader {
  return "delivery" in header;
}

/** Returns whose lane an item waits in; null for one that was in no lane. */
export function laneOf(header: ItemHeader): string | null {
  return isDelivery(header) ? header.webhook_id : (header.lane ?? null);
}

/** Returns a header as one line of JSON, as it is in an item. */
export function headerText(header: ItemHeader): string {
  return JSON.stringify(header);
}

/** Returns an `e` item. */
export function newItem(header: ItemHeader, bytes: Buffer | string): Buffer {
  return Buffer.concat([Buffer.from(`0 e ${headerText(header)}\n`), Buffer.from(bytes)]);
}

export interface Item {
  crashes: number;
  shared: boolean;
  header: ItemHeader;
  bytes: Buffer;
}

/** Parses the item of an element that was claimed for the first time just now. */
export function freshItem(item: Buffer, claim: string, at: number): Item {
  return {
    crashes: 0,
    shared: false,
    header: { claim, at },
    bytes: item.subarray(item.indexOf(0x0a) + 1),
  };
}

const FIRST_LINE = /^\d{1,9} [er] \{/;

/**
 * Parses an item. The `bytes` of an `r` item are the name of its event.
 * @throws Error that says what is wrong if it is not an item: other programs can write the keys
 */
export function readItem(item: Buffer): Item {
  const space = item.indexOf(0x20);
  const lineEnd = item.indexOf(0x0a);
  if (lineEnd < 0 || !FIRST_LINE.test(item.toString("latin1", 0, Math.min(lineEnd, 16)))) {
    throw new Error("it does not begin with a count, a kind and a header");
  }
  const header: unknown = JSON.parse(item.toString("utf8", space + 3, lineEnd));
  if (!isHeader(header)) throw new Error("its header names neither a claim nor a delivery");
  return {
    crashes: Number(item.toString("latin1", 0, space)),
    shared: item[space + 1] === 0x72,
    header,
    bytes: item.subarray(lineEnd + 1),
  };
}

const TEXTS = ["delivery", "webhook_id", "owner", "id", "timestamp"] as const;
const OWNER = /^(user|org):./;

function isHeader(value: unknown): value is ItemHeader {
  if (typeof value !== "object" || value === null) return false;
  const header = value as Record<string, unknown>;
  if (!("delivery" in header)) {
    return typeof header.claim === "string" && typeof header.at === "number";
  }
  return (
    TEXTS.every((name) => typeof header[name] === "string") &&
    OWNER.test(String(header.owner)) &&
    typeof header.attempt === "number" &&
    typeof header.runs === "number"
  );
}
