// An item is one thing to do, as it stands in a claim, the schedule, a lane, the ready list or parked:
// `<crashes> <e|r> <header JSON>\n<bytes>`. `e` carries the element's bytes, `r` names a fanned-out
// event whose bytes are stored once. Scripts read no more of it than the first two words.
import type { DialectName } from "../../wire/dialects/registry.ts";
import type { OwnerRef } from "../../wire/owner.ts";

/** An element as it was claimed: no webhook has been looked up yet. */
export interface ElementHeader {
  /** `<worker>-<number>`, unique; the id of an event that brings none is made of it. */
  claim: string;
  /** Server time of the claim in ms; the timestamp of an event that brings none. */
  at: number;
  /** Bytes of an element that was too large to be claimed whole; the item has its first ones. */
  size?: number;
}

/** One event for one webhook, over all its attempts. */
export interface DeliveryHeader {
  /** 28 hex digits: what the UUIDs of all its attempts begin with. */
  delivery: string;
  webhook_id: string;
  owner: OwnerRef;
  /** The event's id and timestamp, fixed at its first claim. */
  id: string;
  timestamp: string;
  /** The next attempt; 1 for the first. */
  attempt: number;
  /** Attempts that were begun and not settled; each gets a UUID of its own. */
  runs: number;
  /** Set at the first attempt, so that every attempt sends the same body. */
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

/** A header as it is written in an item: one line of JSON. */
export function headerText(header: ItemHeader): string {
  return JSON.stringify(header);
}

/** An item with bytes of its own. */
export function newItem(header: ItemHeader, bytes: Buffer | string): Buffer {
  return Buffer.concat([Buffer.from(`0 e ${headerText(header)}\n`), Buffer.from(bytes)]);
}

export interface Item {
  crashes: number;
  shared: boolean;
  header: ItemHeader;
  bytes: Buffer;
}

/** An element that was claimed for the first time just now. */
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
 * Header and bytes of an item; `bytes` of an `r` item are the name of its event.
 * @throws Error that says what is wrong, where it is no item: the keys can be written by others
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
