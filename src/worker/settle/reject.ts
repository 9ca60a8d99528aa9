// Stores invalid elements on the rejected list first and ends their claims after. A crash in between
// stores one twice and loses none. What cannot be stored now goes onto the schedule.
import { retryWhileAway, type Reconnecting } from "../../valkey/connection/retry.ts";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import { isDelivery } from "../../valkey/queue/item.ts";
import type { Claimed } from "../../valkey/queue/claimed.ts";
import type { RejectedStore } from "../../valkey/queue/rejected-store.ts";
import type { Rejection } from "../../wire/event.ts";
import type { WorkerLog } from "../../log.ts";
import type { Counters } from "../../stats/counters.ts";
import type { Alerter } from "../after/alerts.ts";
import type { Claims } from "./claims.ts";
import { endRejected, postpone, returnWithCrashes } from "./endings.ts";
import { GroupWriter } from "./group.ts";

interface Entry {
  claims: Claims;
  claim: Claimed;
  rejection: Rejection;
}

const MAX_IN_GROUP = 100;
/** They are written as JSON in one turn of the event loop. */
const MAX_BYTES_IN_GROUP = 512 * 1024;
const PAUSE_AFTER_ERROR_MS = 1_000;
/** A group that failed this often is stored one by one, and one alone is postponed. */
const MAX_FAILURES = 2;
const POSTPONE_MS = 10_000;

export class Rejecter {
  private readonly groups = new GroupWriter<Entry>({
    take: takeGroup,
    write: async (group) => {
      if (!this.isClosed) await this.write(group);
    },
  });
  /** The last write failed: there is no use in waiting for the next one. */
  private isFailing = false;
  /** The link was closed: what is left is taken over by another worker. */
  private isClosed = false;

  constructor(
    private readonly options: {
      store: RejectedStore;
      link: Reconnecting;
      alerter: Pick<Alerter, "raise">;
      log: WorkerLog;
      counters?: Counters;
    },
  ) {}

  add(claims: Claims, claim: Claimed, rejection: Rejection): void {
    this.groups.add({ claims, claim, rejection });
  }

  whenIdle(): Promise<void> {
    return this.groups.whenIdle();
  }

  private async write(group: readonly Entry[]): Promise<void> {
    const { store, link, log, counters } = this.options;
    const rejections = group.map(({ claims, claim, rejection }) => ({
      ...rejection,
      queue: claims.queue,
      bytes: claim.bytes ?? Buffer.alloc(0),
      size: isDelivery(claim.header) ? undefined : claim.header.size,
    }));
    for (let failures = 1; ; failures += 1) {
      try {
        const fallenOut = await retryWhileAway(link, () => store.write(rejections, new Date()));
        this.isFailing = false;
        if (fallenOut > 0) this.reportFallenOut(fallenOut);
        break;
      } catch (error) {
        if (error instanceof ValkeyUnavailable) {
          this.isClosed = true;
          return;
        }
        log.error({ err: error, elements: group.length }, "rejected.failed");
        if (this.isFailing || failures >= MAX_FAILURES) return this.writeEach(group);
        await Bun.sleep(PAUSE_AFTER_ERROR_MS);
      }
    }
    const [first] = rejections;
    log.warn(
      { elements: group.length, reason: first?.reason, field: first?.field, found: first?.message },
      "element.rejected",
    );
    for (const { claims, claim, rejection } of group) {
      counters?.rejections.add([claims.queue, rejection.reason]);
      endRejected(claims, claim);
    }
  }

  private async writeEach(group: readonly Entry[]): Promise<void> {
    this.isFailing = true;
    const [only] = group;
    if (only && group.length === 1) return postponeRejection(only);
    for (const one of group) if (!this.isClosed) await this.write([one]);
  }

  private reportFallenOut(elements: number): void {
    const { alerter, log, counters } = this.options;
    counters?.fellOut.add(["rejected"], elements);
    log.warn({ elements }, "rejected.fell_out");
    alerter.raise("rejected.fell_out", {
      queue: "rejected",
      message: "more elements were rejected than FLUXHOOK_REJECTED_MAX allows",
    });
  }
}

/** Takes at least one entry, whatever its size. */
function takeGroup(pending: Entry[]): Entry[] {
  let bytes = 0;
  const end = pending.findIndex(({ claim }, at) => {
    bytes += claim.bytes?.length ?? 0;
    return at > 0 && (at >= MAX_IN_GROUP || bytes > MAX_BYTES_IN_GROUP);
  });
  return pending.splice(0, end === -1 ? pending.length : end);
}

function postponeRejection({ claims, claim, rejection }: Entry): void {
  if (rejection.reason === "crashed-worker") returnWithCrashes(claims, claim);
  else postpone(claims, claim, POSTPONE_MS);
}
