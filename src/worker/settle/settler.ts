// Guarantees 1 and 8: sends settlements to Valkey, in groups, before anything is logged. An outage loses
// none: what waits here is bounded by what is claimed, and settling twice changes nothing. What Valkey
// refuses (a key that it needs holds something else) waits apart, and holds up no other.
import { faultPoint } from "../../fault-point.ts";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import type { StoreLink } from "../../valkey/connection/link.ts";
import { retryWhileAway, type Reconnecting } from "../../valkey/connection/retry.ts";
import type { Claimed } from "../../valkey/queue/claimed.ts";
import { UnsettledClaims, type QueueStore } from "../../valkey/queue/queue-store.ts";
import type { Settle, Settlement } from "../../valkey/queue/settlement.ts";
import type { WorkerLog } from "../../log.ts";
import type { QueueProgress } from "../progress.ts";
import type { WakeUp } from "../wake-up.ts";
import type { Counters } from "../../stats/counters.ts";
import { countSettled } from "./count-settlement.ts";
import { GroupWriter } from "./group.ts";

export interface SettlerOptions {
  store: QueueStore;
  link: Reconnecting;
  log: WorkerLog;
  claims: { release(claims: readonly Claimed[]): void; readonly progress: QueueProgress };
  /** Notified when a settlement has put something where it can be claimed, now or when it is due. */
  claimer: Pick<WakeUp, "notify">;
  /** Called when a settlement is handed to a connection and no other is soon: what follows it can go along. */
  goesAlone?: (via?: StoreLink) => void;
  /** Ends the oldest parked deliveries when there are too many. */
  parkedSweep: { sweepSoon(queue: string): void };
  /** Something is left unclaimed for want of room, which settlements make. */
  capacity: { readonly isWanted: boolean };
  /** If missing, nothing is counted. */
  counters?: Counters;
}

interface Entry extends Settle {
  claim: Claimed;
}

type SettleOptions = Parameters<QueueStore["settle"]>[2];

const MAX_IN_GROUP = 256;
/** Group commit: under load a settlement waits up to this long for others. */
const GROUP_WAIT_MS = 2;
const ENOUGH_IN_GROUP = 64;
/**
 * While claims follow each other soon, what is done waits for a claim that it can go with, and for others to go with:
 * at 1,000 a second ten settlements are one request. Longer, and a crash would send more deliveries again.
 */
const MIN_WAIT_FOR_CLAIM_MS = 10;
const MAX_WAIT_FOR_CLAIM_MS = 25;
const PAUSE_AFTER_ERROR_MS = 250;
const PAUSE_AFTER_REFUSAL_MS = 500;
/** A group that failed this often is settled one by one. */
const MAX_GROUP_FAILURES = 2;

export class Settler {
  private readonly groups: GroupWriter<Entry>;
  private claimAskedAt = Number.NEGATIVE_INFINITY;
  private sinceLastClaimMs = Number.POSITIVE_INFINITY;
  /** The connection of a claim that is asked for now; the next write takes it. */
  private via: StoreLink | undefined;
  /** Refused by Valkey; they are tried again after a pause. */
  private refused: Entry[] = [];
  private retrying: Promise<void> | null = null;
  /** The next claim takes along what waits, however short that was. */
  private isUrgent = false;
  /** What waits is written now. */
  private isFanWaiting = false;

  constructor(private readonly options: SettlerOptions) {
    this.groups = new GroupWriter({
      take: takeOfOneWorker,
      write: (group) => this.write(group),
      waitMs: GROUP_WAIT_MS,
      enough: ENOUGH_IN_GROUP,
      patienceMs: () => this.patienceMs,
    });
  }

  /**
   * A claim is asked for now, `via` another connection than the usual one or not. Returns null if no settlement goes
   * with it; else settlements that wait go in the same write, and the promise resolves when they are handed over.
   */
  claimIsAskedFor(via?: StoreLink): Promise<void> | null {
    const now = performance.now();
    this.sinceLastClaimMs = now - this.claimAskedAt;
    this.claimAskedAt = now;
    const { isWaiting, waitedMs } = this.groups;
    const goes = isWaiting && (this.isUrgent || waitedMs >= MIN_WAIT_FOR_CLAIM_MS);
    return goes ? this.writeVia(via) : null;
  }

  private writeVia(via: StoreLink | undefined): Promise<void> {
    this.via = via;
    return this.groups.writeNow();
  }

  /** Claims follow each other within a few milliseconds. */
  private get claimsFollowSoon(): boolean {
    return this.sinceLastClaimMs < MAX_WAIT_FOR_CLAIM_MS;
  }

  private get patienceMs(): number {
    if (this.options.capacity.isWanted || this.isFanWaiting) return 0;
    return this.claimsFollowSoon ? MAX_WAIT_FOR_CLAIM_MS : 0;
  }

  add(claim: Claimed, settlement: Settlement): void {
    if (!canWait(settlement)) this.isUrgent = true;
    // The deliveries of an event for several webhooks begin after this.
    if (settlement.verb === "fan") this.isFanWaiting = true;
    this.groups.add({ claim, settlement });
    if (this.isFanWaiting) void this.groups.writeNow();
  }

  /** Resolves when all that was added is settled. */
  async whenIdle(): Promise<void> {
    do {
      await this.groups.whenIdle();
      await this.retrying;
    } while (this.groups.isBusy || this.retrying !== null);
  }

  private async write(group: readonly Entry[]): Promise<void> {
    this.isUrgent = false;
    this.isFanWaiting = false;
    const { via } = this;
    this.via = undefined;
    const worker = group[0]?.claim.worker ?? null;
    for (let failures = 0; ; failures += 1) {
      try {
        const options = failures === 0 ? { via } : { isRepeated: true };
        const settling = this.settle(worker, group, options);
        // Guarantee 8: behind the settlement, and nothing of it is waited for.
        if (failures === 0 && !this.claimsFollowSoon) this.options.goesAlone?.(via);
        await settling;
        break;
      } catch (error) {
        if (error instanceof ValkeyUnavailable) break;
        this.reportRefusal(error, group);
        if (error instanceof UnsettledClaims) {
          const unsettled = new Set(error.entries);
          this.retryLater(group.filter((_, at) => unsettled.has(at)));
          this.ended(group.filter((_, at) => !unsettled.has(at)));
          return;
        }
        if (worker === null) break;
        if (failures + 1 < MAX_GROUP_FAILURES) {
          await Bun.sleep(PAUSE_AFTER_ERROR_MS);
          continue;
        }
        if (group.length === 1) this.retryLater(group);
        else for (const one of group) await this.write([one]);
        return;
      }
    }
    this.ended(group);
  }

  private async settle(
    worker: string | null,
    group: readonly Entry[],
    options: SettleOptions,
  ): Promise<void> {
    const { store, link, counters } = this.options;
    // At most once where only memory holds the element: a lost reply must not settle it twice.
    let held: boolean[];
    if (worker === null) held = await this.ask(worker, group);
    else {
      // A claim's connection may block behind it: what has to be sent again goes the usual way.
      let next = options;
      held = await retryWhileAway(link, () => {
        const now = next;
        next = { isRepeated: true };
        return this.ask(worker, group, now);
      });
    }
    if (counters) {
      for (const [at, { claim, settlement }] of group.entries()) {
        if (held[at]) countSettled(counters, store.queue, claim, settlement);
      }
    }
    faultPoint(
      group.some(({ settlement }) => settlement.verb === "fan") ? "fanned-out" : "settled",
    );
  }

  private async ask(
    worker: string | null,
    group: readonly Entry[],
    options?: SettleOptions,
  ): Promise<boolean[]> {
    const startedAt = performance.now();
    const held = await this.options.store.settle(worker, group, options);
    this.options.counters?.valkeyCall("settle", performance.now() - startedAt);
    return held;
  }

  private reportRefusal(error: unknown, group: readonly Entry[]): void {
    const { log, claims } = this.options;
    const entries = error instanceof UnsettledClaims ? error.entries.length : group.length;
    log.error({ err: error, entries }, "settle.failed");
    claims.progress.settleFailed(error);
  }

  private ended(group: readonly Entry[]): void {
    const { claims, claimer, parkedSweep, store } = this.options;
    if (group.length === 0) return;
    claims.release(group.map((entry) => entry.claim));
    if (group.some(({ settlement }) => settlement.verb === "park")) {
      parkedSweep.sweepSoon(store.queue);
    }
    if (group.some(({ settlement }) => isClaimable(settlement))) claimer.notify();
  }

  private retryLater(entries: readonly Entry[]): void {
    this.refused.push(...entries);
    this.retrying ??= this.retry();
  }

  private async retry(): Promise<void> {
    await Bun.sleep(PAUSE_AFTER_REFUSAL_MS);
    for (const entry of this.refused.splice(0)) this.groups.add(entry);
    this.retrying = null;
  }
}

/** True if nobody waits for what the settlement brings about. */
function canWait({ verb }: Settlement): boolean {
  return verb === "done" || verb === "park";
}

/** A lane is claimed from when its webhook has a slot, which wakes the claimer by itself. */
function isClaimable({ verb }: Settlement): boolean {
  return verb === "fan" || verb === "retry" || verb === "back" || verb === "wait";
}

/** A group is fenced by the claims of one worker id. */
function takeOfOneWorker(pending: Entry[]): Entry[] {
  const worker = pending[0]?.claim.worker;
  let length = 0;
  const max = Math.min(MAX_IN_GROUP, pending.length);
  while (length < max && pending[length]?.claim.worker === worker) length += 1;
  return pending.splice(0, length);
}
