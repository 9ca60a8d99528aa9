// Guarantee 6: how many items this process has claimed and not settled, over all its queues.
import type { WakeUp } from "../wake-up.ts";

export class Capacity {
  /** Claimed and not settled. */
  held = 0;
  /** True while the claimer leaves something unclaimed for want of room. */
  isWanted = false;
  /** When something was settled, or the first item was claimed after all had been settled. */
  private settledAt = performance.now();
  /** What requests under way may bring that block until an element comes. */
  private reserved = 0;
  private emptyWaiters: (() => void)[] = [];

  constructor(
    /** `FLUXHOOK_CONCURRENCY`. */
    readonly max: number,
    private readonly wakeUp: WakeUp,
  ) {}

  /** How many more items may be claimed now. */
  get room(): number {
    return this.max - this.held - this.reserved;
  }

  /** Reserves room for what a request may bring that blocks; a negative number gives it back. */
  reserve(items: number): void {
    this.reserved += items;
  }

  get nothingSettledForMs(): number {
    return this.held === 0 ? 0 : performance.now() - this.settledAt;
  }

  take(items: number): void {
    if (this.held === 0) this.settledAt = performance.now();
    this.held += items;
  }

  /** Gives room back, and wakes the claimer if it waits for that. */
  release(items: number): void {
    this.held -= items;
    this.settledAt = performance.now();
    if (this.held <= 0) for (const resolve of this.emptyWaiters.splice(0)) resolve();
    if (this.isWanted) this.wakeUp.notify();
  }

  /** Resolves when nothing is held. */
  async whenEmpty(): Promise<void> {
    while (this.held > 0) {
      await new Promise<void>((resolve) => this.emptyWaiters.push(resolve));
    }
  }
}
