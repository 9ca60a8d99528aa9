// The index of a queue's parked deliveries by owner, webhook, reason and event type, with counts. Scripts update
// it in the step that parks, redelivers or sweeps (scripts/parked-index.lua). `repair` completes it after a
// version of Fluxhook without an index did one of these.
import type { DeliveryHeader } from "./item.ts";
import { queueKeys, type QueueKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import { Script } from "../connection/script.ts";
import { ParkedIndexIncomplete } from "../connection/errors.ts";
import countText from "../scripts/count-parked.lua" with { type: "text" };
import libraryText from "../scripts/parked-index.lua" with { type: "text" };
import repairText from "../scripts/repair-parked.lua" with { type: "text" };
import type { WebhookId } from "../../wire/ids.ts";

const countScript = new Script(countText);
const repairScript = new Script(repairText, libraryText);

/** A step that has to index all of these occupies Valkey for about 3 ms (docs/performance.md). */
const MAX_PER_STEP = 100;
/** An answer that needs the index waits at most this long until it is complete. */
const MAX_WAIT_MS = 4_000;
/** After this many repairs with counts that are wrong again, the answer fails. */
const MAX_REPAIRS = 3;
export const INDEX_DAMAGED = "the index of parked deliveries is damaged, and is being built again";
/** More counts than this are read in pages, so that one reply does not block Valkey. */
const MAX_COUNTS = 2_000;

/** How many deliveries are parked for one reason, of one event type. */
export interface ParkedCount {
  reason: string;
  /** "" if the event could not be read. */
  event: string;
  count: number;
}

/** Returns the entry of a delivery in the index, from the header that it is parked with. */
export function parkedEntry(header: DeliveryHeader): string {
  const { owner, webhook_id, reason = "", event = "" } = header;
  return `${owner}\n${webhook_id}\n${reason}\n${event}`;
}

export class ParkedIndex {
  private readonly keys: QueueKeys;

  constructor(
    private readonly link: StoreLink,
    queue: string,
  ) {
    this.keys = queueKeys(queue);
  }

  /**
   * Repairs the index until it contains every delivery that was parked before the call. With `exact`, until it
   * also contains nothing else, which the counts need.
   * @throws ParkedIndexIncomplete if that takes too long.
   */
  async complete({ exact = false, maxWaitMs = MAX_WAIT_MS } = {}): Promise<void> {
    const until = performance.now() + maxWaitMs;
    for (;;) {
      const { complete, exact: isExact } = await this.step();
      if (complete && (isExact || !exact)) return;
      if (performance.now() >= until) {
        throw new ParkedIndexIncomplete(
          "the index of parked deliveries is being built, after an upgrade or a repair",
        );
      }
    }
  }

  /** Repairs for at most `forMs`, with each heartbeat. Returns whether the index is complete. */
  async repair(forMs: number): Promise<boolean> {
    const until = performance.now() + forMs;
    let done = false;
    do {
      const { complete, exact } = await this.step({ audit: true });
      done = complete && exact;
    } while (!done && performance.now() < until);
    return done;
  }

  /** Returns the counts by reason and event type of each scope: an owner, a webhook, or null for the queue. */
  async countsOf(scopes: readonly (string | null)[]): Promise<ParkedCount[][]> {
    for (let repairs = 0; repairs <= MAX_REPAIRS; repairs += 1) {
      await this.complete({ exact: true });
      const counts = await Promise.all(scopes.map((scope) => this.read(scope)));
      const whole = counts.filter((one) => one !== null);
      if (whole.length === counts.length) return whole;
    }
    throw new ParkedIndexIncomplete(INDEX_DAMAGED);
  }

  /** Returns the webhooks with the most parked deliveries, in descending order. */
  async topWebhooks(max: number): Promise<{ webhookId: WebhookId; count: number }[]> {
    await this.complete({ exact: true });
    const found = await this.link.run((client) =>
      client.zrevrange(this.keys.parkedWebhooks, 0, max - 1, "WITHSCORES"),
    );
    return pairs(found).map(([webhookId, count]) => ({
      webhookId: webhookId as WebhookId,
      count: Number(count),
    }));
  }

  /** Takes one step of the repair. `audit`: search for surplus entries even if the totals are equal. */
  async step({ audit = false } = {}): Promise<{ complete: boolean; exact: boolean }> {
    const { keys } = this;
    const [complete, exact] = (await this.link.run((client) =>
      repairScript.run(
        client,
        [keys.parked, keys.parkedItems, keys.parkedIndex, keys.parkedIndexState],
        [keys.base, MAX_PER_STEP, audit ? "1" : "0"],
      ),
    )) as [number, number];
    return { complete: complete === 1, exact: exact === 1 };
  }

  /** Returns null if the counts disagree with the index; the index is then rebuilt. */
  private async read(scope: string | null): Promise<ParkedCount[] | null> {
    const { keys } = this;
    const key = keys.parkedCounts(scope);
    const set = scope === null ? keys.parkedIndex : keys.parkedOf(scope);
    const [total, fields] = (await this.link.run((client) =>
      countScript.run(client, [key, set], [MAX_COUNTS]),
    )) as [number, Buffer[]?];
    if (!fields) return this.manyCounts(key);
    const counts = readCounts(fields.map(String));
    if (sumOf(counts) === total) return counts;
    await this.link.run((client) => client.hset(keys.parkedIndexState, "damaged", `hash ${key}`));
    return null;
  }

  private async manyCounts(key: string): Promise<ParkedCount[]> {
    const counts = new Map<string, string>();
    let cursor = "0";
    do {
      const at = cursor;
      const [next, fields] = await this.link.run((client) =>
        client.hscan(key, at, "COUNT", MAX_COUNTS),
      );
      // HSCAN may return a field twice if the table is resized meanwhile.
      for (const [field, count] of pairs(fields)) counts.set(field, count);
      cursor = next;
    } while (cursor !== "0");
    return readCounts([...counts].flat());
  }
}

function readCounts(fields: readonly string[]): ParkedCount[] {
  return pairs(fields).map(([field, count]) => {
    const [reason = "", event = ""] = field.split("\n");
    return { reason, event, count: Number(count) };
  });
}

export function sumOf(counts: readonly ParkedCount[]): number {
  return counts.reduce((sum, { count }) => sum + count, 0);
}

function pairs(texts: readonly string[]): [string, string][] {
  const read: [string, string][] = [];
  for (let i = 0; i + 1 < texts.length; i += 2) read.push([texts[i] ?? "", texts[i + 1] ?? ""]);
  return read;
}
