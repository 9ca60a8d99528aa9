// How much to claim, and when asking is worth a request.
import type { Capacity } from "../settle/capacity.ts";
import type { Slots } from "../run/slots.ts";
import { MAX_PACED_WAITERS } from "../run/webhook-capacity.ts";
import type { Throughput } from "../run/throughput.ts";
import { firstOf } from "./lane-slots.ts";
import type { ListQuota } from "./list-quota.ts";

export const MAX_ITEMS_IN_BATCH = 128;
/** Bounds memory and the time that one batch takes: what it may bring before its last element. */
export const MAX_BYTES_IN_BATCH = 512 * 1024;
/** Claim from the list only what is finished in half of the wait for a slot, but at least this many. */
const MIN_FROM_LIST = 32;
const CLAIM_AHEAD_MS = 25;
/** Under load, wait until there is room for half a batch, or until this much time has passed. */
export const MIN_BATCH_ROOM = MAX_ITEMS_IN_BATCH / 2;
export const MAX_BATCH_DELAY_MS = 2;
const MAX_LANES_EXAMINED = 256;

export class BatchSize {
  constructor(
    private readonly slots: Pick<Slots, "canServeQueue" | "servableWaiters">,
    private readonly throughput: Pick<Throughput, "within">,
  ) {}

  /** True if there is room for a batch that is worth a request. */
  hasRoom({ room }: Pick<Capacity, "room">): boolean {
    return room >= MIN_BATCH_ROOM;
  }

  /** False while a larger batch is likely within `MAX_BATCH_DELAY_MS`. */
  isWorthAsking({ held, room }: Pick<Capacity, "held" | "room">, sinceLastMs: number): boolean {
    if (held < MAX_PACED_WAITERS || room >= MIN_BATCH_ROOM) return true;
    return sinceLastMs >= MAX_BATCH_DELAY_MS;
  }

  /**
   * How many elements to take off the list: no more than are soon finished, for the rest would find no
   * slot in time; and none while as many deliveries already wait for slots of fast webhooks.
   */
  maxFromList(lanes: Iterable<string>, quota: ListQuota, room: number): number {
    const { slots, throughput } = this;
    const soon = Math.max(
      MIN_FROM_LIST,
      Math.min(room, Math.floor(throughput.within(CLAIM_AHEAD_MS))),
    );
    if (slots.servableWaiters >= Math.min(soon, MAX_PACED_WAITERS)) return 0;
    for (const webhookId of firstOf(lanes, MAX_LANES_EXAMINED)) {
      if (slots.canServeQueue(webhookId)) return Math.min(soon, quota.allow(performance.now()));
    }
    return soon;
  }
}
