// Claims batches of items, for all queues of this process: one request at a time, for as much as there
// is room for, the first queue first. It sleeps while there is nothing to claim or no room, until
// something wakes it: a list with more than one element, a settlement, a free slot of a webhook with a lane.
// What comes alone onto an empty list is claimed by `NextClaim`.
import { randomBytes } from "node:crypto";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import type { Link } from "../../valkey/connection/link.ts";
import type { Claimed, Cut } from "../../valkey/queue/claimed.ts";
import type { ClaimReply } from "../../valkey/queue/queue-store.ts";
import type { Counters } from "../../stats/counters.ts";
import type { WorkerLog } from "../../log.ts";
import type { KeyProblems } from "../after/key-problems.ts";
import type { Batch } from "../job.ts";
import type { Slots } from "../run/slots.ts";
import type { Capacity } from "../settle/capacity.ts";
import type { Claims } from "../settle/claims.ts";
import type { WakeUp } from "../wake-up.ts";
import {
  type BatchSize,
  MAX_BATCH_DELAY_MS,
  MAX_BYTES_IN_BATCH,
  MAX_ITEMS_IN_BATCH,
} from "./batch-size.ts";
import { LaneSlots } from "./lane-slots.ts";
import type { ListState } from "./list-state.ts";
import type { NextClaim } from "./next-claim.ts";

/** A queue as the claimer sees it. */
export interface ClaimedQueue {
  claims: Claims;
  list: ListState;
  next: Pick<NextClaim, "watchOnce">;
}

export interface ClaimerOptions {
  /** The first ones first. */
  queues: readonly ClaimedQueue[];
  mode: "safe" | "blpop";
  capacity: Pick<Capacity, "held" | "room" | "isWanted">;
  slots: Slots;
  batchSize: BatchSize;
  /** What is claimed of elements that are too large. */
  cut: Cut;
  /** Reports keys that cannot be claimed from. */
  keyProblems: Pick<KeyProblems, "report">;
  wakeUp: WakeUp;
  /** Notified when a worker id was declared dead: the heartbeat joins again. */
  heartbeatDue: WakeUp;
  link: Pick<Link, "whenUp">;
  log: WorkerLog;
  counters?: Counters;
}

/**
 * The longest sleep. What nobody announces, lanes and redeliveries of other processes, is found by the heartbeat, which
 * then notifies; this is what /readyz judges (progress.ts).
 */
const MAX_SLEEP_MS = 10_000;
/** A key that could not be claimed from is looked at again after this. */
const PAUSE_AFTER_PROBLEM_MS = 2_000;
const PAUSE_AFTER_ERROR_MS = 500;
/** A batch with this many bytes of elements may have been full: the limit counts the headers of items, too. */
const MAY_BE_FULL_BYTES = MAX_BYTES_IN_BATCH / 2;
/** After this many failures in a row items are claimed one by one: one bad item then spoils no other. */
const MAX_BATCH_FAILURES = 2;

export class Claimer {
  private stopped = false;
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: ClaimerOptions) {}

  stop(): void {
    this.stopped = true;
    this.options.wakeUp.notify();
  }

  /** Batches until `stop`; waits while there is nothing to claim. Outages end by themselves. */
  async *batches(): AsyncGenerator<Batch, void> {
    const { batchSize, capacity, link, log, wakeUp } = this.options;
    while (!this.stopped) {
      if (!batchSize.isWorthAsking(capacity, performance.now() - this.askedAt)) {
        // A plain sleep: every settlement makes a little room, and would end a wait for that at once.
        await Bun.sleep(MAX_BATCH_DELAY_MS);
        continue;
      }
      wakeUp.clear();
      let sleepMs = MAX_SLEEP_MS;
      try {
        sleepMs = yield* this.askAll();
      } catch (error) {
        // Slots that the failed request gave back have notified. Without a pause the claimer would ask
        // for them again at once, and never let the reconnection have its turn.
        wakeUp.clear();
        if (error instanceof ValkeyUnavailable) {
          await Promise.race([link.whenUp(), this.sleep(PAUSE_AFTER_ERROR_MS)]);
          continue;
        }
        log.error({ err: error }, "claim.failed");
        sleepMs = PAUSE_AFTER_ERROR_MS;
      }
      capacity.isWanted = this.hasMore;
      if (sleepMs > 0) await this.sleep(sleepMs);
    }
  }

  /** True if something may be left to claim that a settlement would make room for. */
  private get hasMore(): boolean {
    const { batchSize, capacity, mode, queues } = this.options;
    if (mode === "blpop" || !batchSize.hasRoom(capacity)) return true;
    // Lanes wait for slots, which notify by themselves.
    return queues.some(({ list }) => !list.isEmpty || list.hasDue);
  }

  private async sleep(ms: number): Promise<void> {
    if (!this.stopped) await this.options.wakeUp.wait(ms);
  }

  /** Asks each queue once. Returns how long there is nothing to claim. */
  private async *askAll(): AsyncGenerator<Batch, number> {
    const { queues, capacity, wakeUp, log } = this.options;
    let sleepMs = MAX_SLEEP_MS;
    for (const queue of queues) {
      const { claims, list } = queue;
      if (this.stopped) break;
      if (capacity.room <= 0) {
        claims.progress.notAsked();
        continue;
      }
      if (claims.worker === null) continue;
      const pausedMs = list.askAgainAt - performance.now();
      if (pausedMs > 0) {
        sleepMs = Math.min(sleepMs, pausedMs);
        continue;
      }
      try {
        sleepMs = Math.min(sleepMs, yield* this.askQueue(queue));
        list.failures = 0;
      } catch (error) {
        claims.progress.claimFailed(error);
        if (error instanceof ValkeyUnavailable) throw error;
        // A key of this queue holds something else, say: the other queues are served meanwhile.
        list.failures += 1;
        list.askAgainAt = performance.now() + PAUSE_AFTER_ERROR_MS;
        sleepMs = Math.min(sleepMs, PAUSE_AFTER_ERROR_MS);
        log.error({ err: error, queue: claims.queue }, "claim.failed");
        // Slots that the failed request gave back have notified.
        wakeUp.clear();
      }
    }
    return capacity.room <= 0 ? MAX_SLEEP_MS : sleepMs;
  }

  /** Asks one queue once. Returns how long there is nothing to claim from it. */
  private async *askQueue(queue: ClaimedQueue): AsyncGenerator<Batch, number> {
    const { mode, capacity, heartbeatDue, log } = this.options;
    const { claims, list } = queue;
    const maxItems = list.failures < MAX_BATCH_FAILURES ? MAX_ITEMS_IN_BATCH : 1;
    const room = Math.min(capacity.room, maxItems);
    const maxFromList = mode === "safe" ? this.maxFromList(queue, room) : 0;
    const { reply, items, isFull, mayBeMoreLanes } = await this.ask(queue, room, maxFromList);
    if (reply.kind !== "batch") {
      // A stale number cannot be, for numbers only grow. A new worker id is right whatever the cause.
      if (reply.kind === "stale") log.error({ queue: claims.queue }, "claim.stale");
      claims.lost();
      heartbeatDue.notify();
      return MAX_SLEEP_MS;
    }
    if (items.length > 0) yield { claims, items };
    if (mode === "blpop") {
      const popped = await this.pop(queue, room - items.length);
      if (popped.length > 0) yield { claims, items: popped };
    } else if (list.isEmpty) {
      queue.next.watchOnce();
    }
    const { problems } = reply;
    const listLength = mode === "safe" ? reply.listLength : 0;
    claims.progress.claimed({ items: items.length, maxFromList, listLength, problems });

    const restMs = problems.length > 0 ? PAUSE_AFTER_PROBLEM_MS : MAX_SLEEP_MS;
    const nextDueInMs = Math.min(reply.nextDueInMs ?? restMs, restMs);
    // Lanes that this request did not ask, or of which nothing was known before the reply.
    if (mayBeMoreLanes) return 0;
    // A batch that was not full has taken all that there was.
    if (items.length > 0 && !isFull && !reply.again && !this.hasMore) return nextDueInMs;
    if (items.length > 0 || reply.again || (maxFromList > 0 && !list.isEmpty)) return 0;
    const isListLeft = maxFromList === 0 && mode === "safe";
    return isListLeft ? Math.min(MAX_BATCH_DELAY_MS, nextDueInMs) : nextDueInMs;
  }

  private maxFromList({ claims, list }: ClaimedQueue, room: number): number {
    return this.options.batchSize.maxFromList(claims.lanes, list.quota, room);
  }

  private async ask(
    queue: ClaimedQueue,
    room: number,
    maxFromList: number,
  ): Promise<{
    reply: ClaimReply;
    items: Batch["items"];
    isFull: boolean;
    mayBeMoreLanes: boolean;
  }> {
    const { slots } = this.options;
    const { claims, list } = queue;
    const now = performance.now();
    this.askedAt = now;
    void claims.askedFor();
    const reportLimit = list.reportLimit(now);
    const reserved = LaneSlots.reserve(slots, claims.lanes, roomForLanes(list, room));
    try {
      const reply = await claims.store.claim({
        worker: claims.worker as string,
        number: claims.batch + 1,
        maxItems: room,
        maxBytes: MAX_BYTES_IN_BATCH,
        maxFromList,
        reportLimit,
        cut: this.options.cut,
        lanes: reserved.requests(),
      });
      this.options.counters?.valkeyCall("claim", performance.now() - now);
      if (reply.kind !== "batch") {
        return { reply, items: [], isFull: false, mayBeMoreLanes: false };
      }
      // Pauses are kept with the first queue, for a webhook may get deliveries from any. They come before
      // the items: a pause that another worker was asked for holds for what this batch brings.
      if (reportLimit > 0 && queue === this.options.queues[0]) {
        slots.setPauses(reply.pauses, reply.pauses.length < reportLimit);
      }
      const isFull = reply.items.length >= room || bytesOf(reply.items) >= MAY_BE_FULL_BYTES;
      const items = this.accept(queue, reply, reserved, isFull);
      const namesNewLane = reply.lanes.some((webhookId) => !claims.lanes.has(webhookId));
      for (const webhookId of reply.lanes) claims.lanes.add(webhookId);
      if (reply.problems.length > 0) {
        this.options.keyProblems.report(claims.queue, reply.problems);
      }
      return { reply, items, isFull, mayBeMoreLanes: reserved.mayBeMore || namesNewLane };
    } finally {
      reserved.release();
    }
  }

  private accept(
    { claims, list }: ClaimedQueue,
    reply: Extract<ClaimReply, { kind: "batch" }>,
    reserved: LaneSlots,
    isFull: boolean,
  ): Batch["items"] {
    if (this.options.mode === "safe") list.observe(reply.taken, reply.listLength);
    this.options.counters?.series.list(claims.queue, reply.listLength, list.ageMs);
    list.hasDue = reply.nextDueInMs === 0;
    // Also where nothing is left of a batch whose reply was lost (the audit returned it): asked for under
    // the same number, there would never be another one.
    if (reply.items.length > 0 || reply.again) claims.batch += 1;
    claims.hold(reply.items);
    const items = reply.items.map((claim) => ({ claim, slot: reserved.take(claim) }));
    list.quota.laneServed(reserved.fastServed, performance.now());
    // A batch that was full before a lane was asked says nothing about it.
    if (!reply.again && !isFull) {
      for (const webhookId of reserved.unused()) claims.laneWasEmpty(webhookId);
    }
    return items;
  }

  /** At most once: from here on only this process's memory holds the elements. */
  private async pop({ claims, list, next }: ClaimedQueue, room: number): Promise<Batch["items"]> {
    if (room <= 0) return [];
    const { cut, wakeUp } = this.options;
    const { elements, listLength } = await claims.store.pop(room, MAX_BYTES_IN_BATCH, cut);
    list.isEmpty = listLength === 0;
    if (list.isEmpty) next.watchOnce();
    // An element that is too large was put where the next request finds it.
    if (elements.length === 0 && !list.isEmpty) wakeUp.notify();
    const popped = elements.map((bytes): Claimed => ({
      worker: null,
      number: "",
      crashes: 0,
      header: { claim: randomBytes(12).toString("hex"), at: Date.now() },
      source: "list",
      shared: false,
      bytes,
      claimedAtMs: 0,
    }));
    claims.hold(popped);
    return popped.map((claim) => ({ claim, slot: null }));
  }
}

/** Leaves half for what is due: full lanes would leave nothing of any batch. With room for one, by turns. */
function roomForLanes(list: ListState, room: number): number {
  list.isTurnOfDue = list.hasDue && !list.isTurnOfDue;
  if (room === 1 && !list.isTurnOfDue) return 1;
  return list.hasDue ? Math.floor(room / 2) : room;
}

function bytesOf(claims: readonly Claimed[]): number {
  return claims.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
}
