// Parses the reply of the claim script. An item that cannot be read does not affect the others.
import { freshItem, readItem, type Item } from "./item.ts";
import type { Claimed, ClaimSource } from "./claimed.ts";

const SOURCES: Record<string, ClaimSource> = {
  l: "lane",
  d: "due",
  r: "ready",
  q: "list",
  c: "list",
  a: "again",
};

export function readBatch(
  worker: string,
  nowMs: number,
  batch: readonly Buffer[],
  numbers: string,
  sources: Buffer,
  payloads: readonly Buffer[],
): Claimed[] {
  const shared = new Map<string, Buffer>();
  for (let i = 0; i + 1 < payloads.length; i += 2) {
    shared.set(String(payloads[i]), payloads[i + 1] as Buffer);
  }
  const claims = numbers.split(" ");
  const from = sources.toString("latin1");
  return batch.map((bytes, at): Claimed => {
    const number = claims[at] ?? "";
    const letter = from.charAt(at);
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
    };
  });
}

export function readPauses(
  pauses: readonly (Buffer | number)[],
): { webhookId: string; forMs: number }[] {
  const read = [];
  for (let i = 0; i + 1 < pauses.length; i += 2) {
    read.push({ webhookId: String(pauses[i]), forMs: Number(pauses[i + 1]) });
  }
  return read;
}
