// Parked deliveries of several queues, owners or webhooks as one list in the order of their parking.
import type {
  ParkedDelivery,
  ParkedPart,
  ParkedPosition,
  ParkedSelection,
  ParkedStore,
} from "./parked-store.ts";

/** Deliveries that stand in one order already: those of one queue that match one selection. */
export interface ParkedSource {
  store: ParkedStore;
  selection: ParkedSelection;
}

export interface FoundParked extends ParkedDelivery {
  store: ParkedStore;
}

/** Guarantee 6, and Valkey's time: a page may come out short, and its cursor goes on from there. */
const MAX_LOOKED_AT_PER_PAGE = 10_000;
/** Read at a time from each source while the oldest of all are looked for. */
const MERGE_STEP = 50;

/**
 * A page of the newest. It stays right when others come or go: the position is a place in the order,
 * not a delivery that has to be there.
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
  // What one source has not looked at yet may come before what another one has found behind it.
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

/** The oldest of all sources, at most `max`; reads little more of each than it takes. */
export async function oldestOf(
  sources: readonly ParkedSource[],
  max: number,
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
    if (!first?.one) return oldest;
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

/** The order of each queue's own list: by time, at the same millisecond by name. */
function byNewest(a: ParkedPosition, b: ParkedPosition): number {
  if (a.parkedAtMs !== b.parkedAtMs) return b.parkedAtMs - a.parkedAtMs;
  if (a.delivery === b.delivery) return 0;
  return a.delivery < b.delivery ? 1 : -1;
}
