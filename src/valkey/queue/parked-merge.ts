// Merges the parked deliveries of several queues, owners or webhooks, in the order in which they were parked.
import type {
  ParkedDelivery,
  ParkedPart,
  ParkedPosition,
  ParkedSelection,
  ParkedStore,
} from "./parked-store.ts";

/** Deliveries that Valkey returns in order: those of one queue that match one selection. */
export interface ParkedSource {
  store: ParkedStore;
  selection: ParkedSelection;
}

export interface FoundParked extends ParkedDelivery {
  store: ParkedStore;
}

/** Bounds Valkey's work for a page (guarantee 6): a page may be short, and its cursor continues from there. */
const MAX_LOOKED_AT_PER_PAGE = 10_000;
/** How many deliveries `oldestOf` reads from a source at a time. */
const MERGE_STEP = 50;

/**
 * Returns a page of the newest. The cursor stays valid when deliveries are parked or redelivered: it is a place
 * in the order, not a delivery that must still exist.
 */
export async function newestPage(
  sources: readonly ParkedSource[],
  after: ParkedPosition | null,
  limit: number,
): Promise<{ found: FoundParked[]; next: ParkedPosition | null }> {
  const maxLookedAt = Math.ceil(MAX_LOOKED_AT_PER_PAGE / Math.max(1, sources.length));
  const parts = await Promise.all(
    sources.map(async ({ store, selection }): Promise<ParkedPart & { store: ParkedStore }> => {
      const walk = { order: "newest", after, max: limit + 1, maxLookedAt } as const;
      return { store, ...(await store.walk(selection, walk)) };
    }),
  );
  // A source may still have deliveries right after the place where it stopped. So nothing after the first such
  // place may be returned.
  const border = parts
    .flatMap(({ stoppedAt }) => (stoppedAt ? [stoppedAt] : []))
    .toSorted(byNewest)[0];
  const found = parts
    .flatMap((part) => part.found.map((one): FoundParked => ({ ...one, store: part.store })))
    .filter((one) => !border || byNewest(positionOf(one), border) <= 0)
    .toSorted((a, b) => byNewest(positionOf(a), positionOf(b)));
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  const isCut = found.length > limit && last !== undefined;
  return { found: shown, next: isCut ? positionOf(last) : (border ?? null) };
}

/** Returns up to `max` of the oldest of all sources, as far as they were parked before `beforeMs`. Reads little more of each source than it returns. */
export async function oldestOf(
  sources: readonly ParkedSource[],
  max: number,
  beforeMs = Number.POSITIVE_INFINITY,
): Promise<FoundParked[]> {
  const heads = await Promise.all(sources.map((source) => new Head(source).refilled()));
  const oldest: FoundParked[] = [];
  while (oldest.length < max) {
    let first: Head | null = null;
    for (const head of heads) {
      if (head.one && (!first?.one || byNewest(positionOf(head.one), positionOf(first.one)) > 0)) {
        first = head;
      }
    }
    if (!first?.one || first.one.parkedAtMs >= beforeMs) return oldest;
    oldest.push({ ...first.one, store: first.source.store });
    first.at += 1;
    if (first.at === first.part.length) await first.refilled();
  }
  return oldest;
}

class Head {
  part: ParkedDelivery[] = [];
  at = 0;
  private after: ParkedPosition | null = null;
  private isLast = false;

  constructor(readonly source: ParkedSource) {}

  get one(): ParkedDelivery | undefined {
    return this.part[this.at];
  }

  async refilled(): Promise<this> {
    if (this.isLast) return this;
    const { store, selection } = this.source;
    const walk = { order: "oldest", after: this.after, max: MERGE_STEP } as const;
    this.part = (await store.walk(selection, walk)).found;
    this.at = 0;
    const last = this.part.at(-1);
    if (last) this.after = positionOf(last);
    this.isLast = this.part.length < MERGE_STEP;
    return this;
  }
}

function positionOf({ parkedAtMs, header }: ParkedDelivery): ParkedPosition {
  return { parkedAtMs, delivery: header.delivery };
}

/** The order of a queue's own sorted set: by time, and within a millisecond by name. */
function byNewest(a: ParkedPosition, b: ParkedPosition): number {
  if (a.parkedAtMs !== b.parkedAtMs) return b.parkedAtMs - a.parkedAtMs;
  if (a.delivery === b.delivery) return 0;
  return a.delivery < b.delivery ? 1 : -1;
}
