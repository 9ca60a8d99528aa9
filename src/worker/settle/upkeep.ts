// What each heartbeat does besides beating: parked deliveries past their TTL or caps end, and an alert
// is raised about a list whose oldest event waits too long.
import type { ParkedLimits, ParkedStore } from "../../valkey/queue/parked-store.ts";
import type { WorkerLog } from "../../log.ts";
import type { Counters } from "../../stats/counters.ts";
import type { Alerter } from "../after/alerts.ts";

export interface UpkeepQueue {
  parked: ParkedStore;
  /** How long the oldest element of the list has waited, at least. */
  list: { readonly ageMs: number };
}

export interface UpkeepOptions {
  /** By the queue's name. */
  queues: ReadonlyMap<string, UpkeepQueue>;
  parkedLimits: ParkedLimits;
  /** `FLUXHOOK_ALERT_AGE`. */
  alertAgeMs: number;
  alerter: Pick<Alerter, "raise">;
  log: WorkerLog;
  counters?: Counters;
}

/** Parking sweeps at once; besides that, only TTLs run out. */
const SWEEP_EVERY_RUNS = 5;

export class Upkeep {
  /** By queue: runs until the next sweep. */
  private readonly untilSweep = new Map<string, number>();

  constructor(private readonly options: UpkeepOptions) {}

  async run(queue: string): Promise<void> {
    const left = this.untilSweep.get(queue) ?? 0;
    this.untilSweep.set(queue, left > 0 ? left - 1 : SWEEP_EVERY_RUNS - 1);
    if (left === 0) await this.sweep(queue);
    const { queues, alertAgeMs, alerter } = this.options;
    const ageMs = queues.get(queue)?.list.ageMs ?? 0;
    if (ageMs < alertAgeMs) return;
    alerter.raise("queue.delayed", {
      queue,
      message: `the oldest event has waited on ${queue} for ${Math.round(ageMs / 1_000)} s at least`,
    });
  }

  /** Sweeps now instead of at the next heartbeat: deliveries have just been parked. */
  sweepSoon(queue: string): void {
    this.sweep(queue).catch((error: unknown) => {
      this.options.log.warn({ err: error }, "sweep.failed");
    });
  }

  private async sweep(queue: string): Promise<void> {
    const { queues, parkedLimits, alerter, log, counters } = this.options;
    const swept = await queues.get(queue)?.parked.upkeep(parkedLimits);
    if (swept === undefined || swept.fallenOut === 0) return;
    counters?.fellOut.add(["parked"], swept.fallenOut);
    log.warn({ queue, deliveries: swept.fallenOut }, "parked.fell_out");
    alerter.raise("parked.fell_out", {
      queue,
      message: "more deliveries are parked than FLUXHOOK_PARKED_MAX and _MAX_BYTES allow",
    });
  }
}
