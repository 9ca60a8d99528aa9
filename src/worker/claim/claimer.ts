// Asks for work: one request at a time, for as much as there is room for, the first queue first.
// It sleeps while there is nothing to claim or no room, and is woken by the list, by what has
// settled, by a free slot of a webhook with a lane, by what is due.
import { randomBytes } from "node:crypto";
import { isDelivery } from "../../valkey/queue/item.ts";
import type { Claimed, ClaimReply, Cut } from "../../valkey/queue/queue-store.ts";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import type { Membership } from "../settle/membership.ts";
import { ENOUGH_WAITING, type Slot, type Slots } from "../run/slots.ts";
import type { Throughput } from "./throughput.ts";
import type { WorkerLog } from "../../worker-log.ts";

export interface ClaimerOptions {
  memberships: readonly Membership[];
  mode: "safe" | "blpop";
  cut: Cut;
  slots: Slots;
  throughput: Pick<Throughput, "within">;
  /** Claimed and not settled. */
  held: () => number;
  /** How many more items may be claimed now. */
  room: () => number;
  /** An item and, where it came out of a lane, the slot that was kept for it. */
  onItem: (membership: Membership, claim: Claimed, slot: Slot | null) => void;
  /** The list is empty: to be called back when it is not. */
  waitForList: (membership: Membership) => void;
  /** The worker id was judged dead. */
  onGone: (membership: Membership) => void;
  /** Places that cannot be claimed from, each with the reason. */
  onProblems: (queue: string, problems: readonly string[]) => void;
  whenUp: () => Promise<boolean>;
  log: WorkerLog;
}

const MOST_IN_BATCH = 128;
/** Bounds memory: what one batch may bring beyond its last element. */
const MOST_BYTES_IN_BATCH = 512 * 1024;
const MOST_LANES_IN_BATCH = 64;
/** Of tens of thousands, to look at all with each batch would cost more than the batch. */
const MOST_LANES_LOOKED_AT = 256;
/** What is got through in half of the wait for a slot, and so many at least. */
const SOON_MS = 25;
const FEW = 32;
/** How many lanes and pauses a reply names. */
const MOST_NAMED = 256;
/** What nobody announces (other workers' lanes, redeliveries, takeovers) is found after this. */
const TICK_MS = 250;
const PAUSE_AFTER_ERROR_MS = 500;
/** After so many failures in a row items are taken one by one: then one bad item spoils no other. */
const MOST_FAILURES = 2;
/** Under load a batch is worth waiting for: room for so many, or for so long. */
const WORTHWHILE_ROOM = MOST_IN_BATCH / 2;
const WORTHWHILE_MS = 2;

export class Claimer {
  private stopped = false;
  private woken = false;
  private sleeper: (() => void) | null = null;
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: ClaimerOptions) {}

  wake(): void {
    this.woken = true;
    this.sleeper?.();
  }

  stop(): void {
    this.stopped = true;
    this.wake();
  }

  async run(): Promise<void> {
    while (!this.stopped) {
      if (!this.isWorthwhile()) {
        // Not to be woken: every settlement makes a little room.
        await new Promise((resolve) => setTimeout(resolve, WORTHWHILE_MS));
        continue;
      }
      this.woken = false;
      let sleepMs = TICK_MS;
      try {
        sleepMs = await this.pass();
      } catch (error) {
        // Slots that the failed request gave back have woken it. Without a pause it would ask for
        // them again at once, and never let the reconnection have its turn.
        this.woken = false;
        if (error instanceof ValkeyUnavailable) {
          await Promise.race([this.options.whenUp(), this.sleep(PAUSE_AFTER_ERROR_MS)]);
          continue;
        }
        this.options.log.error({ err: error }, "claim.failed");
        sleepMs = PAUSE_AFTER_ERROR_MS;
      }
      if (sleepMs > 0) await this.sleep(sleepMs);
    }
  }

  private isWorthwhile(): boolean {
    const { held, room } = this.options;
    if (held() < ENOUGH_WAITING || room() >= WORTHWHILE_ROOM) return true;
    return performance.now() - this.askedAt >= WORTHWHILE_MS;
  }

  /** One round over the queues; answers how long there is nothing to do. */
  private async pass(): Promise<number> {
    let sleepMs = TICK_MS;
    for (const membership of this.options.memberships) {
      if (this.stopped) break;
      if (this.options.room() <= 0) {
        membership.progress.notAsked();
        continue;
      }
      if (membership.worker === null || performance.now() < membership.askAgainAt) continue;
      try {
        sleepMs = Math.min(sleepMs, await this.serve(membership));
        membership.failures = 0;
      } catch (error) {
        membership.progress.claimFailed(error);
        if (error instanceof ValkeyUnavailable) throw error;
        // A key of this queue holds something else, say: the other queues are served meanwhile.
        membership.failures += 1;
        membership.askAgainAt = performance.now() + PAUSE_AFTER_ERROR_MS;
        this.options.log.error({ err: error, queue: membership.store.queue }, "claim.failed");
        // Slots that the failed request gave back have woken it.
        this.woken = false;
      }
    }
    return this.options.room() <= 0 ? TICK_MS : sleepMs;
  }

  /** Claims from one queue; answers how long there is nothing to do for it. */
  private async serve(membership: Membership): Promise<number> {
    const most = membership.failures < MOST_FAILURES ? MOST_IN_BATCH : 1;
    const room = Math.min(this.options.room(), most);
    const mostFromList = this.mostFromList(membership, room);
    const reply = await this.ask(membership, room, mostFromList);
    if (reply.kind === "gone") {
      this.options.onGone(membership);
      return TICK_MS;
    }
    if (reply.kind === "stale") {
      // Cannot be: numbers only grow. A new id is right whatever the cause.
      this.options.log.error({ queue: membership.store.queue }, "claim.stale");
      this.options.onGone(membership);
      return TICK_MS;
    }
    const items = reply.items.length;
    if (this.options.mode === "blpop") {
      await this.pop(membership, room - items);
      membership.progress.claimed({
        items,
        maxFromList: 0,
        listLength: 0,
        problems: reply.problems,
      });
    } else {
      membership.progress.claimed({
        items,
        maxFromList: mostFromList,
        listLength: reply.listLength,
        problems: reply.problems,
      });
      membership.listIsEmpty = reply.listLength === 0;
      membership.ageMs = membership.age.look(reply.taken, reply.listLength);
      if (membership.listIsEmpty) this.options.waitForList(membership);
    }
    const nextDueInMs = reply.nextDueInMs ?? TICK_MS;
    if (items > 0 || reply.again || (mostFromList > 0 && !membership.listIsEmpty)) return 0;
    return mostFromList === 0 && this.options.mode === "safe"
      ? Math.min(WORTHWHILE_MS, nextDueInMs)
      : nextDueInMs;
  }

  private async ask(
    membership: Membership,
    room: number,
    mostFromList: number,
  ): Promise<ClaimReply> {
    const { slots } = this.options;
    const worker = membership.worker as string;
    this.askedAt = performance.now();
    const lanes = this.keepSlots(membership, room);
    const namesDue = performance.now() - membership.namedAt >= TICK_MS;
    if (namesDue) membership.namedAt = performance.now();
    let reply: ClaimReply;
    try {
      reply = await membership.store.claim({
        worker,
        number: membership.batch + 1,
        mostItems: room,
        mostBytes: MOST_BYTES_IN_BATCH,
        mostFromList,
        name: namesDue ? MOST_NAMED : 0,
        cut: this.options.cut,
        lanes: [...lanes].map(([webhookId, kept]) => ({ webhookId, mostItems: kept.length })),
      });
    } catch (error) {
      for (const kept of lanes.values()) for (const slot of kept) slots.finish(slot, "neutral");
      throw error;
    }
    if (reply.kind === "batch") {
      this.accept(membership, reply, lanes, room);
      if (reply.problems.length > 0)
        this.options.onProblems(membership.store.queue, reply.problems);
      // Pauses are kept with the first queue, for a webhook may get deliveries from any.
      if (namesDue && membership === this.options.memberships[0]) {
        slots.setPauses(reply.pauses, reply.pauses.length < MOST_NAMED);
      }
    } else
      for (const kept of lanes.values()) for (const slot of kept) slots.finish(slot, "neutral");
    return reply;
  }

  /**
   * Not more than is soon got through, for the rest would find no slot in time; and none while as much
   * is at hand of webhooks that keep pace.
   */
  private mostFromList({ lanes, listShare }: Membership, room: number): number {
    const { mode, slots, throughput } = this.options;
    if (mode !== "safe") return 0;
    const soon = Math.max(FEW, Math.min(room, Math.floor(throughput.within(SOON_MS))));
    if (slots.waitingForPace >= Math.min(soon, ENOUGH_WAITING)) return 0;
    for (const webhookId of firstOf(lanes, MOST_LANES_LOOKED_AT)) {
      if (slots.keepsPace(webhookId)) return Math.min(soon, listShare.take(performance.now()));
    }
    return soon;
  }

  private accept(
    membership: Membership,
    reply: Extract<ClaimReply, { kind: "batch" }>,
    lanes: ReadonlyMap<string, Slot[]>,
    room: number,
  ): void {
    membership.hasDue = reply.nextDueInMs === 0;
    // Also where nothing is left of a batch whose reply was lost (the audit gave it up): asked for
    // under the same number, there would never be another.
    if (reply.items.length > 0 || reply.again) membership.batch += 1;
    for (const claim of reply.items) membership.hold(claim);
    let served = 0;
    for (const claim of reply.items) {
      let slot: Slot | null = null;
      if (claim.source === "lane" && isDelivery(claim.header)) {
        const webhookId = claim.header.webhook_id;
        slot = lanes.get(webhookId)?.pop() ?? null;
        if (this.options.slots.keepsPace(webhookId)) served += 1;
      }
      this.options.onItem(membership, claim, slot);
    }
    membership.listShare.serve(served, performance.now());
    const isFull = reply.items.length >= room || bytesOf(reply.items) >= MOST_BYTES_IN_BATCH;
    for (const [webhookId, unused] of lanes) {
      if (unused.length > 0 && !reply.again && !isFull) membership.laneWasEmpty(webhookId);
      for (const slot of unused) this.options.slots.finish(slot, "neutral");
    }
    for (const webhookId of reply.lanes) membership.lanes.add(webhookId);
  }

  /** Slots for lanes are taken before the lanes are asked, so that nothing comes back to its end. */
  private keepSlots(membership: Membership, room: number): Map<string, Slot[]> {
    const { lanes } = membership;
    const kept = new Map<string, Slot[]>();
    // Half for what is due: full lanes would leave nothing of any batch. With room for one, by turns.
    membership.isTurnOfDue = membership.hasDue && !membership.isTurnOfDue;
    let left = membership.hasDue ? Math.floor(room / 2) : room;
    if (room === 1 && !membership.isTurnOfDue) left = 1;
    for (const webhookId of firstOf(lanes, MOST_LANES_LOOKED_AT)) {
      if (kept.size >= MOST_LANES_IN_BATCH || left <= 0) break;
      const slots: Slot[] = [];
      while (left > 0) {
        const slot = this.options.slots.take(webhookId);
        if (!slot) break;
        slots.push(slot);
        left -= 1;
      }
      if (slots.length > 0) kept.set(webhookId, slots);
      // Behind the others next time, also where it has no slot: it would hide them.
      lanes.delete(webhookId);
      lanes.add(webhookId);
    }
    return kept;
  }

  /** At most once: from here on only this process's memory holds the elements. */
  private async pop(membership: Membership, room: number): Promise<void> {
    if (room <= 0) return;
    const { elements, listLength } = await membership.store.pop(
      room,
      MOST_BYTES_IN_BATCH,
      this.options.cut,
    );
    membership.listIsEmpty = listLength === 0;
    if (membership.listIsEmpty) this.options.waitForList(membership);
    // One that is too large was put where the next request finds it.
    if (elements.length === 0 && !membership.listIsEmpty) this.woken = true;
    for (const bytes of elements) {
      this.options.onItem(
        membership,
        {
          worker: null,
          number: "",
          crashes: 0,
          header: { claim: randomBytes(12).toString("hex"), at: Date.now() },
          source: "list",
          shared: false,
          bytes,
        },
        null,
      );
    }
  }

  private async sleep(ms: number): Promise<void> {
    if (this.woken || this.stopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.sleeper = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
    this.sleeper = null;
  }
}

function bytesOf(items: readonly Claimed[]): number {
  return items.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
}

function firstOf<T>(all: Iterable<T>, most: number): T[] {
  const first: T[] = [];
  for (const one of all) {
    if (first.length >= most) break;
    first.push(one);
  }
  return first;
}
