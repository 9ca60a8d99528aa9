// This process as a worker of one queue: the id under which it claims, its claim number, what it
// holds, and the lanes that it knows not to be empty.
import type { Claimed, QueueStore, Settlement } from "../../valkey/queue/queue-store.ts";
import { ListShare } from "../claim/list-quota.ts";
import { QueueProgress } from "../progress.ts";
import { QueueAge } from "../claim/queue-age.ts";
import type { Settler } from "./settler.ts";

export class Membership {
  /** Null until it has joined, and after it was judged dead. */
  worker: string | null = null;
  /** The number of the last batch that arrived. */
  batch = 0;
  /** Claims of the present worker id by their number. */
  readonly held = new Map<string, Claimed>();
  /** By webhook; the one that was asked last stands last. */
  readonly lanes = new Set<string>();
  /** Deliveries on their way into a lane, and how many there are for each webhook. */
  private readonly entering = new Map<Claimed, string>();
  private readonly enteringLane = new Map<string, number>();
  readonly listShare = new ListShare();
  /** When a reply was last asked to name lanes and pauses. */
  namedAt = Number.NEGATIVE_INFINITY;
  listIsEmpty = false;
  /** Of its claims, in a row, that were no outages; and until when it is left alone after one. */
  failures = 0;
  askAgainAt = Number.NEGATIVE_INFINITY;
  /** More of the schedule is due than the last batch could hold. */
  hasDue = false;
  /** Where there is room for one only, what is due and the lanes take turns. */
  isTurnOfDue = false;
  /** How long the oldest element of the list has waited at least. */
  ageMs = 0;
  readonly age = new QueueAge();
  /** What /readyz judges. */
  readonly progress: QueueProgress;

  constructor(
    readonly store: QueueStore,
    private readonly settler: Settler,
  ) {
    this.progress = new QueueProgress(store.queue);
  }

  joined(worker: string): void {
    this.worker = worker;
    this.progress.joined();
    this.batch = 0;
    this.held.clear();
    this.lanes.clear();
    this.entering.clear();
    this.enteringLane.clear();
  }

  /** It was judged dead: what it held is somebody else's, and only a new id may claim. */
  lost(): void {
    this.worker = null;
  }

  hold(claim: Claimed): void {
    if (claim.worker === this.worker) this.held.set(claim.number, claim);
  }

  release(claim: Claimed): void {
    if (claim.worker === this.worker) this.held.delete(claim.number);
    const webhookId = this.entering.get(claim);
    if (webhookId === undefined) return;
    this.entering.delete(claim);
    const others = (this.enteringLane.get(webhookId) ?? 0) - 1;
    if (others > 0) this.enteringLane.set(webhookId, others);
    else this.enteringLane.delete(webhookId);
  }

  /**
   * A reply found nothing in the lane. What was settled into it by then was sent before the request; of
   * what is still on its way it knows nothing, and who came now would overtake that.
   */
  laneWasEmpty(webhookId: string): void {
    if (!this.enteringLane.has(webhookId)) this.lanes.delete(webhookId);
  }

  settle(claim: Claimed, settlement: Settlement): void {
    if (settlement.verb === "lane") {
      const { webhookId } = settlement;
      this.lanes.add(webhookId);
      this.entering.set(claim, webhookId);
      this.enteringLane.set(webhookId, (this.enteringLane.get(webhookId) ?? 0) + 1);
    }
    this.settler.add(claim, settlement);
  }
}
