// Slots that are taken for lanes before the lanes are asked, so that what comes out of a lane is sent and
// never goes back to its end.
import { laneOf } from "../../valkey/queue/item.ts";
import type { Claimed } from "../../valkey/queue/claimed.ts";
import type { Slot, Slots } from "../run/slots.ts";

const MAX_LANES_IN_BATCH = 64;
/** Of tens of thousands of lanes; looking at all of them would cost more than the batch. */
const MAX_LANES_EXAMINED = 256;

export class LaneSlots {
  /** Items that came out of lanes of fast webhooks. */
  fastServed = 0;
  /** Other lanes than these may have free slots, too: there were more than one batch can ask. */
  mayBeMore = false;
  private readonly reserved = new Map<string, Slot[]>();

  private constructor(private readonly slots: Slots) {}

  /** Takes up to `max` free slots of webhooks that have a lane. */
  static reserve(slots: Slots, lanes: Set<string>, max: number): LaneSlots {
    const lanesSlots = new LaneSlots(slots);
    let left = max;
    for (const webhookId of firstOf(lanes, MAX_LANES_EXAMINED)) {
      if (lanesSlots.reserved.size >= MAX_LANES_IN_BATCH || left <= 0) break;
      const taken: Slot[] = [];
      while (left > 0) {
        const slot = slots.take(webhookId);
        if (!slot) break;
        taken.push(slot);
        left -= 1;
      }
      if (taken.length > 0) lanesSlots.reserved.set(webhookId, taken);
      // After the others next time, also if it has no free slot: it would hide them.
      lanes.delete(webhookId);
      lanes.add(webhookId);
    }
    const { size } = lanesSlots.reserved;
    const isLimited = left <= 0 || size >= MAX_LANES_IN_BATCH || lanes.size > MAX_LANES_EXAMINED;
    lanesSlots.mayBeMore = size > 0 && isLimited;
    return lanesSlots;
  }

  /** What to ask the lanes for. */
  requests(): { webhookId: string; maxItems: number }[] {
    return [...this.reserved].map(([webhookId, { length }]) => ({ webhookId, maxItems: length }));
  }

  /**
   * The slot of a claim that came out of a lane; null for any other, and for a webhook whose pause has
   * become known since the slot was reserved.
   */
  take({ source, header }: Claimed): Slot | null {
    const webhookId = source === "lane" ? laneOf(header) : null;
    if (webhookId === null) return null;
    if (this.slots.isPaused(webhookId)) return null;
    if (this.slots.canServeQueue(webhookId)) this.fastServed += 1;
    return this.reserved.get(webhookId)?.pop() ?? null;
  }

  /** Webhooks whose lane had less than there were slots for. */
  unused(): string[] {
    return [...this.reserved].flatMap(([webhookId, { length }]) => (length > 0 ? [webhookId] : []));
  }

  /** Gives back what was not taken. */
  release(): void {
    for (const left of this.reserved.values()) {
      for (const slot of left.splice(0)) this.slots.finish(slot, "neutral");
    }
  }
}

export function firstOf<T>(all: Iterable<T>, max: number): T[] {
  const first: T[] = [];
  for (const one of all) {
    if (first.length >= max) break;
    first.push(one);
  }
  return first;
}
