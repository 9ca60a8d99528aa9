// What this process has claimed from one queue: the worker id under which it claims, the number of its
// last batch, the claims it holds, and the lanes that it knows not to be empty.
import type { StoreLink } from "../../valkey/connection/link.ts";
import type { Claimed } from "../../valkey/queue/claimed.ts";
import type { QueueStore } from "../../valkey/queue/queue-store.ts";
import type { Settlement } from "../../valkey/queue/settlement.ts";
import { QueueProgress } from "../progress.ts";
import type { Capacity } from "./capacity.ts";
import { Settler, type SettlerOptions } from "./settler.ts";

export interface ClaimsOptions extends Omit<SettlerOptions, "claims" | "capacity"> {
  capacity: Capacity;
}

export class Claims {
  readonly store: QueueStore;
  /** What `/readyz` judges. */
  readonly progress: QueueProgress;
  /** Null until the worker has joined, and after it was declared dead. */
  worker: string | null = null;
  /** The number of the last batch that arrived. */
  batch = 0;
  /** The same of the batches that `NextClaim` claims. */
  nextBatch = 0;
  /** Claims of the present worker id, by their number. */
  readonly held = new Map<string, Claimed>();
  /** By webhook; the one that was asked last comes last. */
  readonly lanes = new Set<string>();
  /** Deliveries that are being settled into a lane, and how many there are for each webhook. */
  private readonly entering = new Map<Claimed, string>();
  private readonly enteringLane = new Map<string, number>();
  private readonly settler: Settler;
  private readonly capacity: Capacity;
  private readonly counters: ClaimsOptions["counters"];
  private joinWaiters: (() => void)[] = [];

  constructor({ capacity, ...settling }: ClaimsOptions) {
    this.store = settling.store;
    this.progress = new QueueProgress(settling.store.queue);
    this.capacity = capacity;
    this.counters = settling.counters;
    this.settler = new Settler({ ...settling, capacity, claims: this });
  }

  get queue(): string {
    return this.store.queue;
  }

  /** Starts over under a new worker id. */
  joined(worker: string): void {
    this.worker = worker;
    this.progress.joined();
    this.batch = 0;
    this.nextBatch = 0;
    this.held.clear();
    this.lanes.clear();
    this.entering.clear();
    this.enteringLane.clear();
    for (const resolve of this.joinWaiters.splice(0)) resolve();
  }

  /** The worker id was declared dead: others take over what it held, and only a new id may claim. */
  lost(): void {
    this.worker = null;
  }

  /** Resolves when the worker has joined the queue. */
  async whenJoined(): Promise<void> {
    while (this.worker === null) {
      await new Promise<void>((resolve) => this.joinWaiters.push(resolve));
    }
  }

  /** Takes in a batch that was claimed. */
  hold(claims: readonly Claimed[]): void {
    const now = performance.now();
    for (const claim of claims) {
      claim.claimedAtMs = now;
      if (claim.worker === this.worker) this.held.set(claim.number, claim);
    }
    this.capacity.take(claims.length);
    this.counters?.claimed(this.queue, claims.length);
  }

  /** Ends a claim: every settlement goes through here (guarantee 1). */
  settle(claim: Claimed, settlement: Settlement): void {
    if (settlement.verb === "lane") {
      const { webhookId } = settlement;
      this.lanes.add(webhookId);
      this.entering.set(claim, webhookId);
      this.enteringLane.set(webhookId, (this.enteringLane.get(webhookId) ?? 0) + 1);
    }
    this.settler.add(claim, settlement);
  }

  /**
   * A batch is asked for now, `via` another connection than the usual one or not. Returns null if no settlement goes
   * with it; else settlements that wait go in the same write, and the promise resolves when they are handed over.
   */
  askedFor(via?: StoreLink): Promise<void> | null {
    return this.settler.claimIsAskedFor(via);
  }

  /** These claims are settled, or belong to another worker by now. */
  release(claims: readonly Claimed[]): void {
    for (const claim of claims) this.forget(claim);
    this.progress.settled();
    this.capacity.release(claims.length);
  }

  /** The reply of a claim found the webhook's lane empty. */
  laneWasEmpty(webhookId: string): void {
    // The reply cannot reflect deliveries that are still being moved to the lane. Until those are
    // settled the lane stays known, so that newer deliveries do not overtake them.
    if (!this.enteringLane.has(webhookId)) this.lanes.delete(webhookId);
  }

  /** Resolves when all that was settled here has reached Valkey. */
  whenSettled(): Promise<void> {
    return this.settler.whenIdle();
  }

  private forget(claim: Claimed): void {
    if (claim.worker === this.worker) this.held.delete(claim.number);
    const webhookId = this.entering.get(claim);
    if (webhookId === undefined) return;
    this.entering.delete(claim);
    const others = (this.enteringLane.get(webhookId) ?? 0) - 1;
    if (others > 0) this.enteringLane.set(webhookId, others);
    else this.enteringLane.delete(webhookId);
  }
}
