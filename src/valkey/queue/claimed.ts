// What a claim from a queue returns for each item.
import type { ItemHeader } from "./item.ts";

export type ClaimSource = "lane" | "due" | "ready" | "list" | "again";

/** Webhooks whose patterns match an event and whose filter does not. */
export interface FilterCounts {
  filtered: number;
  /** Those of them whose filter could not be evaluated. */
  filterErrors: number;
}

/** Something claimed: by whom, and under which number it is settled. */
export interface Claimed {
  /** The worker id that claimed it; null for what only memory holds (`FLUXHOOK_CLAIM=blpop`). */
  worker: string | null;
  number: string;
  crashes: number;
  header: ItemHeader;
  source: ClaimSource;
  /** Deliveries of one fanned-out event share its bytes, which are stored once. */
  shared: boolean;
  /** The element's bytes. Null: they are gone. */
  bytes: Buffer | null;
  /** Of an element's webhooks, those that do not get it; counted in the step that settles the claim. */
  filterCounts?: FilterCounts;
  /** Why the item cannot be read; its header is then made up, and its bytes are all of it. */
  damage?: string;
}

/** Elements of more bytes than `over` are claimed as their first `to` bytes, with their size. */
export interface Cut {
  over: number;
  to: number;
}
