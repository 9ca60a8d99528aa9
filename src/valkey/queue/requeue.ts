// Moves rejected elements back to their queues, after the producer or a setting was corrected. Each moves in one
// step if both lists are in one slot. In Cluster they may not be; then it takes two steps, push and remove, and a
// crash in between pushes an element twice and loses none.
import { hash } from "node:crypto";
import type { SharedKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import { readPage } from "../list-page.ts";
import { Script } from "../connection/script.ts";
import requeueText from "../scripts/requeue.lua" with { type: "text" };

const requeueScript = new Script(requeueText);

const ID_DIGITS = 16;
const PAGE = 50;
/** Max size of the records that are moved in one turn of the event loop; their elements come on top. */
const MAX_CHARACTERS = 512 * 1024;
/** A single element may have many megabytes. */
const DEADLINE_MS = 5_000;

export interface Requeued {
  requeued: number;
  /** How many more the same request would requeue. */
  remaining: number;
}

/** Returns the id of a rejected element. Two records with the same text have the same id. */
export function rejectedId(record: string | Buffer): string {
  return hash("sha256", record).slice(0, ID_DIGITS);
}

export class Requeue {
  constructor(
    private readonly link: StoreLink,
    private readonly keys: Pick<SharedKeys, "rejected" | "rejectedBytes">,
    /** Elements from other lists stay rejected: no worker would claim them there. */
    private readonly queues: readonly string[],
  ) {}

  /**
   * Requeues the oldest first. An element that cannot be requeued stays, and does not count as remaining. Nor do
   * elements that are rejected meanwhile: one that is still no event comes back at once, and a caller that
   * repeats the request until nothing remains would never end.
   */
  async oldest(limit: number): Promise<Requeued> {
    const before = await this.link.run((client) => client.llen(this.keys.rejected));
    let requeued = 0;
    let passed = 0;
    while (requeued < limit && requeued + passed < before) {
      const max = Math.min(PAGE, limit - requeued, before - requeued - passed);
      // From the tail, where the oldest are: elements that are rejected meanwhile do not shift them.
      const page = await this.read({ from: -(passed + 1), towards: "head", max });
      if (page.length === 0) break;
      let moved = 0;
      for (const group of groupsOf(page)) moved += await this.move(group);
      requeued += moved;
      passed += page.length - moved;
    }
    return { requeued, remaining: Math.max(0, before - requeued - passed) };
  }

  async named(ids: readonly string[], limit: number): Promise<Requeued> {
    const wanted = new Set(ids);
    const found: string[] = [];
    // From the head: elements that are rejected meanwhile shift some into the next page, but none past it.
    for (let from = 0; wanted.size > 0;) {
      const records = await this.read({ from, towards: "tail", max: PAGE });
      found.push(...records.filter((record) => wanted.delete(rejectedId(record))));
      if (records.length === 0) break;
      from += records.length;
    }
    const movable = found.toReversed().filter((record) => this.elementOf(record) !== null);
    const now = movable.slice(0, limit);
    let requeued = 0;
    for (const group of groupsOf(now)) requeued += await this.move(group);
    return { requeued, remaining: movable.length - now.length };
  }

  private async read(page: Parameters<typeof readPage>[2]): Promise<string[]> {
    const records = await readPage(this.link, this.keys.rejected, page);
    return records.map((record) => record.toString());
  }

  private async move(records: readonly string[]): Promise<number> {
    const byQueue = new Map<string, (string | Buffer)[]>();
    for (const record of records) {
      const element = this.elementOf(record);
      if (element === null) continue;
      const pairs = byQueue.get(element.queue) ?? [];
      byQueue.set(element.queue, pairs);
      pairs.push(record, element.bytes);
    }
    let moved = 0;
    for (const [queue, pairs] of byQueue) moved += await this.moveTo(queue, pairs);
    return moved;
  }

  private async moveTo(queue: string, pairs: readonly (string | Buffer)[]): Promise<number> {
    const { rejected, rejectedBytes } = this.keys;
    const run = (keys: string[], args: (string | Buffer)[]) =>
      this.link.run((client) => requeueScript.run(client, keys, args), DEADLINE_MS);
    try {
      return Number(await run([rejected, rejectedBytes, queue], [...pairs]));
    } catch (error) {
      // The error code of Valkey Cluster's specification for keys in different slots.
      if (!(error instanceof Error && error.message.startsWith("CROSSSLOT "))) throw error;
    }
    const elements = pairs.filter((_, at) => at % 2 === 1);
    await this.link.run((client) => client.lpush(queue, ...elements), DEADLINE_MS);
    const removed = pairs.map((text, at) => (at % 2 === 1 ? "" : text));
    return Number(await run([rejected, rejectedBytes], removed));
  }

  /** Returns null if the record is not complete, or its list is not served here. The list is public. */
  private elementOf(record: string): { queue: string; bytes: Buffer } | null {
    const { queue, size, raw, raw_base64 } = readRecord(record);
    if (typeof queue !== "string" || !this.queues.includes(queue)) return null;
    const bytes =
      typeof raw === "string"
        ? Buffer.from(raw)
        : typeof raw_base64 === "string"
          ? Buffer.from(raw_base64, "base64")
          : null;
    return bytes !== null && bytes.length === size ? { queue, bytes } : null;
  }
}

/** Splits records into groups of up to PAGE records and about MAX_CHARACTERS; each moves in one step. */
function groupsOf(records: readonly string[]): string[][] {
  const groups: string[][] = [];
  let size = Infinity;
  for (const record of records) {
    const last = groups.at(-1);
    size += record.length;
    if (last !== undefined && last.length < PAGE && size <= MAX_CHARACTERS) last.push(record);
    else {
      groups.push([record]);
      size = record.length;
    }
  }
  return groups;
}

function readRecord(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
