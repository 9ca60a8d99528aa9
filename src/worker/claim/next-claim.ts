// Claims the next element of an empty list, for one queue, on a connection of its own. The claim travels with the
// wait, so an element that comes alone costs one request. `FLUXHOOK_CLAIM=blpop`, and a worker with little room,
// only wait: then this wakes the claimer.
import { Link } from "../../valkey/connection/link.ts";
import { BlindWait } from "../../valkey/queue/blind-wait.ts";
import { ValkeyFull, ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import type { ClaimReply } from "../../valkey/queue/claim-reply.ts";
import type { Cut } from "../../valkey/queue/claimed.ts";
import type { WorkerLog } from "../../log.ts";
import type { Batch } from "../job.ts";
import type { Slots } from "../run/slots.ts";
import type { Capacity } from "../settle/capacity.ts";
import type { Claims } from "../settle/claims.ts";
import type { WakeUp } from "../wake-up.ts";
import { MIN_BATCH_ROOM } from "./batch-size.ts";
import type { ListState } from "./list-state.ts";

export interface NextClaimOptions {
  url: string;
  /** The connection's name. */
  name: string;
  claims: Claims;
  list: ListState;
  /** `blpop` producers push right, and it takes from the left. */
  mode: "safe" | "blpop";
  cut: Cut;
  capacity: Pick<Capacity, "room" | "reserve">;
  /** For pauses, which are kept with the first queue; null for the others. */
  slots: Pick<Slots, "setPauses"> | null;
  run: (batch: Batch) => void;
  /** Wakes the claimer: there is more to claim than came. */
  wakeUp: Pick<WakeUp, "notify">;
  /** Notified when the worker id was declared dead. */
  heartbeatDue: Pick<WakeUp, "notify">;
  log: WorkerLog;
}

/** What is pushed at once should come in one round trip; the claimer takes the rest, in larger batches. */
const MAX_ITEMS = 32;
/** Of large ones fewer: they are read in one turn of the event loop, and a batch of the claimer may come in it, too. */
const MAX_BYTES = 128 * 1024;
const BLOCK_S = 8;
/** Longer than the block: a frozen server does not answer at all. */
const DEADLINE_MS = 9_500;
const PAUSE_AFTER_ERROR_MS = 250;
/**
 * So many waits in a row that bring nothing at once were refused, as Valkey refuses BLMOVE at its memory limit. One
 * alone was too late: between the wait and the claim behind it, a claim on another connection took the element. A
 * pause for that would leave nobody waiting, and held up one event in five (measured: docs/performance.md, "Where the
 * time goes").
 */
const MAX_EMPTY_IN_A_ROW = 4;
/** How often a list that stays unusable is logged. */
const LOG_EVERY_MS = 10_000;

export class NextClaim {
  private readonly link: Link;
  private readonly wait: BlindWait;
  private loggedAt = Number.NEGATIVE_INFINITY;
  /** The reply to a request was lost: the same number is asked for again, without a wait. */
  private mayBeLost = false;
  /** Waits in a row that brought nothing at once. */
  private emptyInARow = 0;
  /** True until it has notified. */
  isWaiting = false;
  private isClosed = false;

  constructor(private readonly options: NextClaimOptions) {
    const { url, name, claims, mode } = options;
    this.link = new Link({ url, name, deadlineMs: DEADLINE_MS }).open();
    this.wait = new BlindWait(this.link, claims.store.keys, mode === "safe" ? "RIGHT" : "LEFT");
  }

  /** Claims what comes, one element after the other, and notifies as soon as there is more than that. */
  watchOnce(): void {
    if (this.isWaiting || this.isClosed) return;
    this.isWaiting = true;
    void this.watch().finally(() => {
      this.isWaiting = false;
      if (!this.isClosed) this.options.wakeUp.notify();
    });
  }

  close(): void {
    this.isClosed = true;
    this.link.close();
  }

  private async watch(): Promise<void> {
    const { claims, log } = this.options;
    while (!this.isClosed) {
      try {
        await this.link.whenUp();
        if (this.isClosed || claims.worker === null) return;
        const next = this.mayClaim ? await this.claim(claims.worker) : await this.onlyWait();
        if (next === "notify") return;
        if (next === "wait") continue;
        // At the memory limit the wait is refused but the claim is not: let the claimer ask now and then.
      } catch (error) {
        if (error instanceof ValkeyUnavailable) continue;
        const now = performance.now();
        if (!(error instanceof ValkeyFull) && now - this.loggedAt >= LOG_EVERY_MS) {
          this.loggedAt = now;
          log.warn({ err: error, queue: claims.queue }, "list.wait_failed");
        }
      }
      await Bun.sleep(PAUSE_AFTER_ERROR_MS);
      return;
    }
  }

  private get mayClaim(): boolean {
    const { mode, capacity } = this.options;
    return mode === "safe" && capacity.room >= MIN_BATCH_ROOM;
  }

  private isRefused(isEmptyAtOnce: boolean): boolean {
    this.emptyInARow = isEmptyAtOnce ? this.emptyInARow + 1 : 0;
    return this.emptyInARow >= MAX_EMPTY_IN_A_ROW;
  }

  private async onlyWait(): Promise<"notify" | "wait" | "pause"> {
    const found = await this.wait.forElement(BLOCK_S);
    if (this.isRefused(found === "refused")) return "pause";
    return found === "element" ? "notify" : "wait";
  }

  private async claim(worker: string): Promise<"notify" | "wait" | "pause"> {
    const { claims, list, cut, capacity } = this.options;
    const blockS = this.mayBeLost ? 0 : BLOCK_S;
    const reportLimit = list.reportLimit(performance.now());
    capacity.reserve(MAX_ITEMS);
    this.mayBeLost = true;
    try {
      // Settlements that wait go first, in the same write: behind the wait they would wait with it.
      const handedOver = claims.askedFor(this.link);
      if (handedOver !== null) await handedOver;
      const { reply, refused } = await this.wait.claim(blockS, {
        worker,
        number: claims.nextBatch + 1,
        maxItems: MAX_ITEMS,
        maxBytes: MAX_BYTES,
        reportLimit,
        cut,
      });
      this.mayBeLost = false;
      if (claims.worker !== worker) return "notify";
      const next = this.accept(reply, reportLimit);
      const isEmpty = reply.kind === "batch" && reply.items.length === 0;
      return this.isRefused(refused && isEmpty) && next === "wait" ? "pause" : next;
    } finally {
      capacity.reserve(-MAX_ITEMS);
    }
  }

  private accept(reply: ClaimReply, reportLimit: number): "notify" | "wait" {
    const { claims, list, slots, heartbeatDue, run, log } = this.options;
    if (reply.kind !== "batch") {
      if (reply.kind === "stale") log.error({ queue: claims.queue }, "claim.stale");
      claims.lost();
      heartbeatDue.notify();
      return "notify";
    }
    const { items, listLength } = reply;
    list.observe(reply.taken, listLength);
    if (items.length > 0 || reply.again) claims.nextBatch += 1;
    // Before the items: a pause that another worker was asked for holds for what this batch brings.
    if (reportLimit > 0) {
      slots?.setPauses(reply.pauses, reply.pauses.length < reportLimit);
      for (const webhookId of reply.lanes) claims.lanes.add(webhookId);
    }
    claims.hold(items);
    // Readiness is judged by the full claim alone: this one looks at neither schedule, lanes nor ready list.
    if (items.length > 0) run({ claims, items: items.map((claim) => ({ claim, slot: null })) });
    return listLength > 0 || reply.lanes.length > 0 ? "notify" : "wait";
  }
}
