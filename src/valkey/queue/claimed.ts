// What a claim from a queue returns for each item.
import type { ItemHeader } from "./item.ts";

export type ClaimSource = "lane" | "due" | "ready" | "list" | "again";

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
  /** Why the item cannot be read; its header is then made up, and its bytes are all of it. */
  damage?: string;
}

/** Elements of more bytes than `over` are claimed as their first `to` bytes, with their size. */
export interface Cut {
  over: number;
  to: number;
}
