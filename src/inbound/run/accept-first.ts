// While requests come faster than this process can take them, accepting goes before running: a sender waits for its
// answer, and what was accepted is durable. Bounded, so that a flood of requests delays no execution for long.
import { BatchSize } from "../../worker/claim/batch-size.ts";
import type { ListQuota } from "../../worker/claim/list-quota.ts";
import type { ListState } from "../../worker/claim/list-state.ts";
import type { Slots } from "../../worker/run/slots.ts";
import type { Throughput } from "../../worker/run/throughput.ts";
import type { Capacity } from "../../worker/settle/capacity.ts";

/** So many requests wait to be stored only where the process does not keep up. */
export const BUSY_ACCEPTS = 24;
/** At least this many executions begin in each turn, however many requests come. */
export const MIN_FROM_LIST = 32;
export const TURN_MS = 50;
/** Executions have their full share again when more wait than this, or one has waited longer. */
export const MAX_BEHIND = 10_000;
export const MAX_BEHIND_MS = 5_000;
/** Meanwhile the claimer looks this often for what is due, ready or in a lane. */
const LOOK_EVERY_MS = 10;

export interface AcceptFirstOptions {
  /** Returns how many requests wait to be stored. */
  accepts: () => number;
  /** Whether a request waits here for the end of an execution. */
  isAwaited: () => boolean;
  list: Pick<ListState, "ageMs" | "length">;
  now?: () => number;
}

export class AcceptFirst extends BatchSize {
  private turnAt = Number.NEGATIVE_INFINITY;
  private left = 0;
  private readonly now: () => number;

  constructor(
    slots: Pick<Slots, "canServeQueue" | "servableWaiters">,
    throughput: Pick<Throughput, "within">,
    private readonly options: AcceptFirstOptions,
  ) {
    super(slots, throughput);
    this.now = options.now ?? (() => performance.now());
  }

  override isWorthAsking(capacity: Pick<Capacity, "held" | "room">, sinceLastMs: number): boolean {
    if (!super.isWorthAsking(capacity, sinceLastMs)) return false;
    return !this.yields || this.leftInTurn() > 0 || sinceLastMs >= LOOK_EVERY_MS;
  }

  override maxFromList(lanes: Iterable<string>, quota: ListQuota, room: number): number {
    const max = super.maxFromList(lanes, quota, room);
    if (!this.yields) return max;
    const allowed = Math.min(max, this.leftInTurn());
    this.left -= allowed;
    return allowed;
  }

  private get yields(): boolean {
    const { accepts, isAwaited, list } = this.options;
    if (accepts() < BUSY_ACCEPTS || isAwaited()) return false;
    return list.length < MAX_BEHIND && list.ageMs < MAX_BEHIND_MS;
  }

  private leftInTurn(): number {
    const now = this.now();
    if (now - this.turnAt >= TURN_MS) {
      this.turnAt = now;
      this.left = MIN_FROM_LIST;
    }
    return this.left;
  }
}
