// The parked deliveries of one queue: list, redeliver, sweep. `settle` parks them, in the step that ends their
// claim.
import type { DeliveryName } from "../../wire/ids.ts";
import { headerText, isDelivery, readItem, type DeliveryHeader } from "./item.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import { queueKeys, type QueueKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import { INDEX_DAMAGED, ParkedIndex } from "./parked-index.ts";
import { Script } from "../connection/script.ts";
import dropText from "../scripts/drop-parked.lua" with { type: "text" };
import listText from "../scripts/list-parked.lua" with { type: "text" };
import libraryText from "../scripts/parked-index.lua" with { type: "text" };
import redeliverText from "../scripts/redeliver.lua" with { type: "text" };
import sweepText from "../scripts/sweep.lua" with { type: "text" };

import { ParkedIndexIncomplete } from "../connection/errors.ts";

const listScript = new Script(listText, libraryText);
const dropScript = new Script(dropText, libraryText);
const redeliverScript = new Script(redeliverText, libraryText);
const sweepScript = new Script(sweepText, libraryText);

/** A script that looks at this many occupies Valkey for about 2 ms. */
const MAX_LOOKED_AT = 1_000;

/** Time for the sweep, and for the repair of the index, in each heartbeat; the next heartbeat continues. */
const UPKEEP_MS = 500;
/** A script that ends this many of each kind occupies Valkey for less than 10 ms. */
const MAX_SWEPT = 200;
/** After this many repairs with an index that is damaged again, the walk fails. */
const MAX_REPAIRS = 3;

export interface ParkedLimits {
  maxDeliveries: number;
  maxBytes: number;
  ttlMs: number;
}

export interface ParkedDelivery {
  header: DeliveryHeader;
  parkedAtMs: number;
  /** Size of the stored item in bytes. */
  size: number;
}

/** The place of a parked delivery in the order of parking; within a millisecond they are ordered by name. */
export interface ParkedPosition {
  parkedAtMs: number;
  delivery: DeliveryName;
}

/** Selects parked deliveries of a queue; every field that is given must match. */
export interface ParkedSelection {
  owner?: string;
  webhookId?: string;
  reason?: string;
  event?: string;
}

export interface ParkedWalk {
  order: "newest" | "oldest";
  /** Null: start at the beginning. */
  after: ParkedPosition | null;
  max: number;
  /** Stops after looking at about this many, if few of them match. */
  maxLookedAt?: number;
}

export interface ParkedPart {
  found: ParkedDelivery[];
  /** Where the walk stopped before it had found `max`; null: there are no more. */
  stoppedAt: ParkedPosition | null;
}

export class ParkedStore {
  readonly index: ParkedIndex;
  private readonly keys: QueueKeys;

  constructor(
    private readonly link: StoreLink,
    queue: string,
  ) {
    this.keys = queueKeys(queue);
    this.index = new ParkedIndex(link, queue);
  }

  /**
   * Returns the deliveries that match, in the given order. It walks the smallest sorted set of the selection: the
   * owner's, the webhook's, the reason's or the event type's. So it takes O(log n + found) if the selection has
   * one field, and at worst O(size of the smallest set) if it has several.
   * @throws ParkedIndexIncomplete
   */
  async walk(selection: ParkedSelection, walk: ParkedWalk): Promise<ParkedPart> {
    const { owner = "", webhookId = "", reason = "", event = "" } = selection;
    // Without a selection, no index is needed.
    const isNarrowed = `${owner}${webhookId}${reason}${event}` !== "";
    if (isNarrowed) await this.index.complete();
    const { keys } = this;
    const found: ParkedDelivery[] = [];
    let position = walk.after;
    let repairs = 0;
    let mayLookAt = walk.maxLookedAt ?? Infinity;
    while (mayLookAt > 0) {
      const lookAt = Math.min(MAX_LOOKED_AT, mayLookAt);
      const [kind, score, delivery, entries] = (await this.link.run((client) =>
        listScript.run(
          client,
          [keys.parked, keys.parkedItems, keys.parkedIndex],
          [
            keys.base,
            walk.order,
            position?.parkedAtMs ?? "",
            position?.delivery ?? "",
            walk.max - found.length,
            lookAt,
            owner,
            webhookId,
            reason,
            event,
          ],
        ),
      )) as [Buffer, Buffer, Buffer, (Buffer | number)[]];
      if (String(kind) === "damaged") {
        if (repairs === MAX_REPAIRS) throw new ParkedIndexIncomplete(INDEX_DAMAGED);
        repairs += 1;
        await this.index.complete();
        continue;
      }
      found.push(...readEntries(entries));
      if (String(kind) === "ended" || found.length >= walk.max) return { found, stoppedAt: null };
      position = { parkedAtMs: Number(score), delivery: String(delivery) as DeliveryName };
      mayLookAt -= lookAt;
    }
    return { found, stoppedAt: position };
  }

  /**
   * Counts the deliveries of a webhook that match and were parked before a time: exactly, or up to `max` where
   * they are narrowed by reason or event type.
   */
  async countBefore(
    { webhookId, reason, event }: { webhookId: string; reason?: string; event?: string },
    beforeMs: number,
    max: number,
  ): Promise<number> {
    if (reason === undefined && event === undefined) {
      await this.index.complete();
      const key = this.keys.parkedOf(webhookId);
      return this.link.run((client) => client.zcount(key, "-inf", `(${beforeMs}`));
    }
    const walk = { order: "oldest", after: null, max } as const;
    const { found } = await this.walk({ webhookId, reason, event }, walk);
    return found.filter(({ parkedAtMs }) => parkedAtMs < beforeMs).length;
  }

  /** Returns a parked delivery's header, or null if it is not parked (any more). */
  async find(delivery: DeliveryName): Promise<DeliveryHeader | null> {
    return this.header(this.keys.parkedItems, delivery);
  }

  /** Returns a scheduled delivery's header, or null if it is not scheduled (any more). */
  async findScheduled(delivery: DeliveryName): Promise<DeliveryHeader | null> {
    return this.header(this.keys.scheduled, delivery);
  }

  /** Returns when a scheduled delivery is due, by the server's clock; null if it is not scheduled. */
  async dueAtMs(delivery: DeliveryName): Promise<number | null> {
    return this.score(this.keys.schedule, delivery);
  }

  /** Returns when a delivery was parked, by the server's clock; null if it is not parked. */
  async parkedAtMs(delivery: DeliveryName): Promise<number | null> {
    return this.score(this.keys.parked, delivery);
  }

  /** Returns the element of a delivery that is scheduled or parked; null if it is neither. */
  async element(delivery: DeliveryName): Promise<Buffer | null> {
    const { keys } = this;
    const item = await this.link.run(
      async (client) =>
        (await client.hgetBuffer(keys.scheduled, delivery)) ??
        (await client.hgetBuffer(keys.parkedItems, delivery)),
    );
    if (item === null || headerOf(item) === null) return null;
    const { shared, bytes } = readItem(item);
    if (!shared) return bytes;
    return this.link.run((client) => client.hgetBuffer(keys.events, bytes.toString("latin1")));
  }

  /**
   * Runs deliveries again: a scheduled one now, a parked one as a new delivery with the given header. Returns what
   * each was.
   */
  async redeliver(
    deliveries: readonly { delivery: DeliveryName; header: DeliveryHeader | null }[],
  ): Promise<("scheduled" | "parked" | "none")[]> {
    const { keys } = this;
    const reply = (await this.link.run((client) =>
      redeliverScript.run(
        client,
        [
          keys.schedule,
          keys.scheduled,
          keys.parked,
          keys.parkedItems,
          keys.ready,
          keys.stats,
          keys.events,
        ],
        [
          keys.base,
          ...deliveries.flatMap(({ delivery, header }) => [
            delivery,
            header === null ? "" : headerText(header),
          ]),
        ],
      ),
    )) as Buffer[];
    return reply.map((one) => String(one) as "scheduled" | "parked" | "none");
  }

  /** Ends the parked deliveries of an owner. Returns how many there were. */
  async dropOf(owner: OwnerRef): Promise<number> {
    const { keys } = this;
    let dropped = 0;
    for (;;) {
      const { found } = await this.walk(
        { owner },
        { order: "oldest", after: null, max: MAX_SWEPT },
      );
      if (found.length === 0) return dropped;
      const names = found.map(({ header }) => header.delivery);
      const now = await this.link.run((client) =>
        dropScript.run(
          client,
          [keys.parked, keys.parkedItems, keys.events, keys.refs, keys.stats],
          [keys.base, ...names],
        ),
      );
      dropped += Number(now);
      // Nothing was ended: others end them at the same time.
      if (Number(now) === 0) return dropped;
    }
  }

  /** Sweeps, and takes steps of the index's repair: with every fifth heartbeat, and when one was parked. */
  async upkeep(limits: ParkedLimits): Promise<{ fallenOut: number }> {
    const until = performance.now() + UPKEEP_MS;
    let fallenOut = 0;
    for (let goesOn = true; goesOn;) {
      const swept = await this.sweep(limits);
      fallenOut += swept.fallenOut;
      const isFull = Math.max(swept.expired, swept.fallenOut) === MAX_SWEPT;
      goesOn = isFull && performance.now() < until;
    }
    try {
      await this.index.repair(UPKEEP_MS);
    } catch (error) {
      // The sweep is done: the caller must report the deliveries that exceeded a cap.
      if (fallenOut === 0) throw error;
    }
    return { fallenOut };
  }

  /** Ends deliveries that are older than the TTL, and the oldest that exceed the caps. */
  async sweep(limits: ParkedLimits): Promise<{ expired: number; fallenOut: number; left: number }> {
    const { keys } = this;
    const [expired, fallenOut, left] = (await this.link.run((client) =>
      sweepScript.run(
        client,
        [keys.parked, keys.parkedItems, keys.events, keys.refs, keys.stats],
        [limits.maxDeliveries, limits.maxBytes, limits.ttlMs, keys.base, MAX_SWEPT],
      ),
    )) as [number, number, number];
    return { expired, fallenOut, left };
  }

  private async score(key: string, delivery: DeliveryName): Promise<number | null> {
    const score = await this.link.run((client) => client.zscore(key, delivery));
    return score === null ? null : Number(score);
  }

  private async header(key: string, delivery: DeliveryName): Promise<DeliveryHeader | null> {
    const item = await this.link.run((client) => client.hgetBuffer(key, delivery));
    return item && headerOf(item);
  }
}

function readEntries(entries: readonly (Buffer | number)[]): ParkedDelivery[] {
  const read: ParkedDelivery[] = [];
  for (let i = 0; i + 3 < entries.length; i += 4) {
    const header = headerOf(Buffer.from(`0 e ${String(entries[i + 3])}\n`));
    if (header === null) continue;
    read.push({ header, parkedAtMs: Number(entries[i + 1]), size: Number(entries[i + 2]) });
  }
  return read;
}

/** Returns null if it cannot be read, or is not a delivery: other programs can write the keys. */
function headerOf(item: Buffer): DeliveryHeader | null {
  try {
    const { header } = readItem(item);
    return isDelivery(header) ? header : null;
  } catch {
    return null;
  }
}
