// Parses the replies of the scripts that claim. An item that cannot be read does not affect the others.
import { freshItem, readItem, type Item } from "./item.ts";
import type { Claimed, ClaimSource } from "./claimed.ts";
import type { ScriptReply } from "../connection/script.ts";

export type ClaimReply =
  /** The other workers declared this one dead; it must join again. */
  | { kind: "unknown-worker" }
  /** A delayed copy of an earlier request. */
  | { kind: "stale" }
  | {
      kind: "batch";
      /** This batch number was already served; the reply repeats its unsettled items, possibly none. */
      again: boolean;
      items: Claimed[];
      /** Until the next scheduled delivery is due; null if nothing is scheduled. */
      nextDueInMs: number | null;
      listLength: number;
      lanes: string[];
      pauses: { webhookId: string; forMs: number }[];
      /** How many elements all workers have ever taken off the list; -1 if the list is empty. */
      taken: number;
      /** Why places were skipped: each is a key that could not be read. */
      problems: string[];
    };

const SOURCES: Record<string, ClaimSource> = {
  l: "lane",
  d: "due",
  r: "ready",
  q: "list",
  c: "list",
  a: "again",
};

/** Returns the reply of `claim.lua` to a request of the worker. */
export function readClaimReply(worker: string, reply: readonly ScriptReply[]): ClaimReply {
  const kind = String(reply[0]);
  if (kind === "gone") return { kind: "unknown-worker" };
  if (kind === "stale") return { kind: "stale" };
  const [, now, due, listLength, batch, numbers, sources, payloads, lanes, pauses, ...rest] =
    reply as [
      Buffer,
      number,
      number,
      number,
      Buffer[],
      Buffer,
      Buffer,
      Buffer[],
      Buffer[],
      (Buffer | number)[],
      number,
      Buffer[],
    ];
  const [taken, problems] = rest;
  return {
    kind: "batch",
    again: kind === "again",
    items: readBatch(worker, now, batch, words(numbers), String(sources), payloads),
    nextDueInMs: due < 0 ? null : Math.max(0, due - now),
    listLength,
    lanes: lanes.map(String),
    pauses: readPauses(pauses),
    taken,
    problems: problems.map(String),
  };
}

/** Returns the reply of `claim-next.lua`; `isReport` if it was asked to report lanes and pauses. */
export function readNextReply(
  worker: string,
  reply: readonly Buffer[],
  isReport: boolean,
): ClaimReply {
  const [head = "", ...claims] = String(reply[0]).split(" ");
  if (head === "gone") return { kind: "unknown-worker" };
  if (head === "stale") return { kind: "stale" };
  const [now, listLength, taken, cut, ...numbers] = claims;
  const isAgain = head === "again";
  const [lanes, pauses] = isReport ? reply.slice(1, 3).map(words) : [[], []];
  const batch = reply.slice(isReport ? 3 : 1);
  // Only the last one can be cut.
  const sources = `${(isAgain ? "a" : "q").repeat(batch.length - Number(cut))}${cut === "1" ? "c" : ""}`;
  return {
    kind: "batch",
    again: isAgain,
    items: readBatch(worker, Number(now), batch, numbers, sources, []),
    nextDueInMs: null,
    listLength: Number(listLength),
    lanes: lanes ?? [],
    pauses: readPauses(pauses ?? []),
    taken: Number(taken),
    problems: [],
  };
}

function words(text: Buffer): string[] {
  return text.length === 0 ? [] : String(text).split(" ");
}

function readBatch(
  worker: string,
  nowMs: number,
  batch: readonly Buffer[],
  numbers: readonly string[],
  sources: string,
  payloads: readonly Buffer[],
): Claimed[] {
  const shared = new Map<string, Buffer>();
  for (let i = 0; i + 1 < payloads.length; i += 2) {
    shared.set(String(payloads[i]), payloads[i + 1] as Buffer);
  }
  return batch.map((bytes, at): Claimed => {
    const number = numbers[at] ?? "";
    const letter = sources.charAt(at);
    const source = SOURCES[letter] ?? "again";
    let item: Item;
    try {
      // The script has just made the header of a fresh element from these values, so it is not parsed.
      item = letter === "q" ? freshItem(bytes, `${worker}-${number}`, nowMs) : readItem(bytes);
    } catch (error) {
      const header = { claim: `${worker}-${number}`, at: nowMs };
      const damage = error instanceof Error ? error.message : String(error);
      return { worker, number, crashes: 0, header, source, shared: false, bytes, damage };
    }
    return {
      worker,
      number,
      crashes: item.crashes,
      header: item.header,
      source,
      shared: item.shared,
      bytes: item.shared ? (shared.get(item.bytes.toString()) ?? null) : item.bytes,
      claimedAtMs: 0,
    };
  });
}

function readPauses(
  pauses: readonly (Buffer | string | number)[],
): { webhookId: string; forMs: number }[] {
  const read = [];
  for (let i = 0; i + 1 < pauses.length; i += 2) {
    read.push({ webhookId: String(pauses[i]), forMs: Number(pauses[i + 1]) });
  }
  return read;
}
