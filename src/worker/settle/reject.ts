// Elements that are no valid event: kept first, their claims ended after. A crash in between keeps
// one twice and loses none. What cannot be kept now goes onto the schedule, so that it takes nobody's
// room until it can.
import { isDelivery } from "../../valkey/queue/item.ts";
import type { Claimed } from "../../valkey/queue/queue-store.ts";
import type { RejectedStore } from "../../valkey/queue/rejected-store.ts";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import type { Rejection } from "../../wire/event.ts";
import type { Membership } from "./membership.ts";
import type { WorkerLog } from "../../worker-log.ts";

interface Entry {
  membership: Membership;
  claim: Claimed;
  rejection: Rejection;
}

const MOST_IN_GROUP = 100;
/** They are written as JSON in one turn of the event loop. */
const MOST_BYTES_IN_GROUP = 512 * 1024;
const PAUSE_AFTER_ERROR_MS = 1_000;
/** A group that has failed so often is kept one by one, and one alone is postponed. */
const MOST_FAILURES = 2;
const POSTPONED_MS = 10_000;

export class Rejections {
  private pending: Entry[] = [];
  private running: Promise<void> | null = null;
  /** The last write failed: no use in waiting for the next. */
  private isFailing = false;

  constructor(
    private readonly options: {
      store: RejectedStore;
      log: WorkerLog;
      whenUp: () => Promise<boolean>;
      onFallenOut: (elements: number) => void;
    },
  ) {}

  add(membership: Membership, claim: Claimed, rejection: Rejection): void {
    this.pending.push({ membership, claim, rejection });
    this.running ??= this.run();
  }

  async idle(): Promise<void> {
    while (this.running) await this.running;
  }

  private async run(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.pending.length > 0) {
      const group = this.takeGroup();
      if (!(await this.keep(group))) break;
    }
    // In the same turn as the last look at `pending`: nothing can be added unseen.
    this.running = null;
  }

  /** At least one, whatever its size. */
  private takeGroup(): Entry[] {
    let bytes = 0;
    const end = this.pending.findIndex(({ claim }, at) => {
      bytes += claim.bytes?.length ?? 0;
      return at > 0 && (at >= MOST_IN_GROUP || bytes > MOST_BYTES_IN_GROUP);
    });
    return this.pending.splice(0, end === -1 ? this.pending.length : end);
  }

  /** False where Valkey will not be asked any more. */
  private async keep(group: Entry[]): Promise<boolean> {
    const { store, log, whenUp } = this.options;
    const rejections = group.map(({ membership, claim, rejection }) => {
      const bytes = claim.bytes ?? Buffer.alloc(0);
      const size = isDelivery(claim.header) ? undefined : claim.header.size;
      return { ...rejection, queue: membership.store.queue, bytes, size };
    });
    for (let failures = 0; ;) {
      try {
        const fallenOut = await store.write(rejections, new Date());
        this.isFailing = false;
        if (fallenOut > 0) this.options.onFallenOut(fallenOut);
        break;
      } catch (error) {
        if (error instanceof ValkeyUnavailable) {
          if (!(await whenUp())) return false;
          continue;
        }
        log.error({ err: error, elements: group.length }, "rejected.failed");
        failures += 1;
        if (this.isFailing || failures >= MOST_FAILURES) return this.keepEach(group);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_ERROR_MS));
      }
    }
    const [first] = rejections;
    log.warn(
      { elements: group.length, reason: first?.reason, field: first?.field, found: first?.message },
      "element.rejected",
    );
    for (const { membership, claim } of group) {
      membership.settle(claim, { verb: "done", ending: "rejected" });
    }
    return true;
  }

  private async keepEach(group: readonly Entry[]): Promise<boolean> {
    this.isFailing = true;
    const [only] = group;
    if (only && group.length === 1) {
      postpone(only);
      return true;
    }
    for (const one of group) if (!(await this.keep([one]))) return false;
    return true;
  }
}

function postpone({ membership, claim, rejection }: Entry): void {
  const { header } = claim;
  // On the schedule it would be forgotten how many workers have ended with it.
  if (rejection.reason === "crashed-worker") {
    membership.settle(claim, { verb: "back", header: JSON.stringify(header) });
    return;
  }
  const delivery = isDelivery(header) ? header.delivery : `element-${header.claim}`;
  membership.settle(claim, {
    verb: "retry",
    delivery,
    delayMs: POSTPONED_MS,
    header: JSON.stringify(header),
  });
}
