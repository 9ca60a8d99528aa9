// Guarantee 1 and 8: the only place where a claim ends, before anything is logged. Settlements go to
// Valkey in groups: what comes while a group is under way is the next group. Nothing is given up in
// an outage: what is settled here is bounded by what is claimed, and settling twice changes nothing.
// What cannot be settled (a key that it needs holds something else) waits apart and holds up no other.
import {
  UnsettledClaims,
  type Claimed,
  type QueueStore,
  type Settle,
  type Settlement,
} from "../../valkey/queue/queue-store.ts";
import { faultPoint } from "../../fault-point.ts";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import type { WorkerLog } from "../../worker-log.ts";

export interface SettlerOptions {
  store: QueueStore;
  log: WorkerLog;
  /** Resolves when Valkey can be asked again; false: it will not be in this process's life. */
  whenUp: () => Promise<boolean>;
  /** These claims have ended, or are somebody else's by now. */
  onSettled: (claims: readonly Claimed[]) => void;
  /** A group could not be settled, for another reason than an outage; it is tried again. */
  onFailed: (error: unknown) => void;
  /** Deliveries have been parked: there may be too many by now. */
  onParked: () => void;
}

interface Entry extends Settle {
  claim: Claimed;
}

const MOST_IN_GROUP = 256;
/** Group commit: a settlement under load waits this long for others, or until these many are there. */
const GROUP_MS = 2;
const ENOUGH_IN_GROUP = 64;
const PAUSE_AFTER_ERROR_MS = 250;
/** A group that has failed so often is settled one by one. */
const MOST_FAILURES = 2;

export class Settler {
  private pending: Entry[] = [];
  /** Refused by Valkey; tried again after a pause. */
  private refused: Entry[] = [];
  private retrying: Promise<void> | null = null;
  private running: Promise<void> | null = null;

  constructor(private readonly options: SettlerOptions) {}

  add(claim: Claimed, settlement: Settlement): void {
    this.pending.push({ claim, settlement });
    this.running ??= this.run();
  }

  /** Resolves when all that was added is settled. */
  async idle(): Promise<void> {
    for (;;) {
      const underWay = this.running ?? this.retrying;
      if (!underWay) return;
      await underWay;
    }
  }

  private async run(): Promise<void> {
    // One turn of the event loop, so that what arrives together goes together.
    await new Promise((resolve) => setImmediate(resolve));
    for (let isBusy = false; this.pending.length > 0; isBusy = true) {
      // Under load a group waits for company; when idle it goes at once.
      if (isBusy && this.pending.length < ENOUGH_IN_GROUP) await sleep(GROUP_MS);
      const first = this.pending[0] as Entry;
      const group = takeGroup(this.pending, first.claim.worker);
      await this.settle(first.claim.worker, group);
    }
    // In the same turn as the last look at `pending`: nothing can be added unseen.
    this.running = null;
  }

  private async settle(worker: string | null, group: Entry[]): Promise<void> {
    const { store, log, whenUp } = this.options;
    for (let failures = 0; ;) {
      try {
        await store.settle(worker, group);
        faultPoint(
          group.some(({ settlement }) => settlement.verb === "fan") ? "fanned-out" : "settled",
        );
        break;
      } catch (error) {
        if (error instanceof ValkeyUnavailable) {
          // What only memory holds is at most once: a lost reply must not settle it twice.
          if (worker === null || !(await whenUp())) break;
          continue;
        }
        if (error instanceof UnsettledClaims) {
          this.retryLater(error, group);
          const unsettled = new Set(error.entries);
          this.ended(group.filter((_, at) => !unsettled.has(at)));
          return;
        }
        log.error({ err: error, entries: group.length }, "settle.failed");
        this.options.onFailed(error);
        if (worker === null) break;
        failures += 1;
        if (failures < MOST_FAILURES) await sleep(PAUSE_AFTER_ERROR_MS);
        else if (group.length > 1) {
          for (const one of group) await this.settle(worker, [one]);
          return;
        } else {
          this.refused.push(...group);
          this.retrying ??= this.retry();
          return;
        }
      }
    }
    this.ended(group);
  }

  private ended(group: readonly Entry[]): void {
    const { onSettled, onParked } = this.options;
    if (group.length === 0) return;
    onSettled(group.map((entry) => entry.claim));
    if (group.some((entry) => entry.settlement.verb === "park")) onParked();
  }

  private retryLater(error: UnsettledClaims, group: readonly Entry[]): void {
    for (const at of error.entries) this.refused.push(group[at] as Entry);
    this.options.log.error({ err: error, entries: error.entries.length }, "settle.failed");
    this.options.onFailed(error);
    this.retrying ??= this.retry();
  }

  private async retry(): Promise<void> {
    await sleep(PAUSE_AFTER_REFUSAL_MS);
    this.pending.push(...this.refused.splice(0));
    // In this order: whoever waits for both must find one of them at every moment.
    this.running ??= this.run();
    this.retrying = null;
  }
}

const PAUSE_AFTER_REFUSAL_MS = 500;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Takes the entries of one worker id off the front: a group is fenced by one claim hash. */
function takeGroup(pending: Entry[], worker: string | null): Entry[] {
  let length = 0;
  const most = Math.min(MOST_IN_GROUP, pending.length);
  while (length < most && pending[length]?.claim.worker === worker) length += 1;
  return pending.splice(0, length);
}
