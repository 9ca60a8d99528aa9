// What a claim from a queue returns for each item.
import type { ItemHeader } from "./item.ts";

export type ClaimSource = "lane" | "due" | "ready" | "list" | "again";

/** Webhooks whose patterns match an event and whose filter does not. */
export interface FilterCounts {
  filtered: number;
  /** Those of them whose filter could not be evaluated. */
  filterErrors: number;
}

/** A claimed item, the worker that claimed it, and the number under which it is settled. */
export interface Claimed {
  /** Id of the worker that claimed it; null if the claim is only in memory (`FLUXHOOK_CLAIM=blpop`). */
  worker: string | null;
  number: string;
  crashes: number;
  header: ItemHeader;
  source: ClaimSource;
  /** Deliveries of one fanned-out event share its bytes, which are stored once. */
  shared: boolean;
  /** The element's bytes; null if they no longer exist. */
  bytes: Buffer | null;
  /** The element's webhooks that do not get it; counted in the step that settles the claim. */
  filterCounts?: FilterCounts;
  /** Why the item cannot be read. Its header is then a substitute, and its bytes are the whole item. */
  damage?: string;
  /** When the worker took it in, by `performance.now`. */
  claimedAtMs?: number;
}

/** Of an element with more than `over` bytes, only the first `to` bytes and the size are claimed. */
export interface Cut {
  over: number;
  to: number;
}
