// Heartbeats, and what happens without them. A dead worker's claims run again within 15 s: the lease is
// 10 s, and every worker looks for dead ones every 2 s. Claims that a living worker lost sight of (a
// fault of ours) are found by comparing what Valkey knows with what the worker holds.
import { randomBytes } from "node:crypto";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import type { Link } from "../../valkey/connection/link.ts";
import type { WorkerLog } from "../../log.ts";
import type { WakeUp } from "../wake-up.ts";
import type { Counters } from "../../stats/counters.ts";
import type { WorkerInfo } from "../../wire/worker-info.ts";
import type { Claims } from "./claims.ts";

export const LEASE_MS = 10_000;
export const HEARTBEAT_MS = 2_000;
const AUDIT_EVERY_BEATS = 5;

export interface HeartbeatOptions {
  queues: readonly Claims[];
  link: Pick<Link, "whenUp" | "connections">;
  /** Notified when this worker has joined a queue, or there may be something to claim that nobody announced. */
  claimer: WakeUp;
  /** Wakes the heartbeat itself, before its time: to join again at once. */
  due: WakeUp;
  /** What else is done with each heartbeat. */
  upkeep: { run(queue: string): Promise<void> };
  /** Told with each heartbeat whether somebody looks at the stream of attempts. */
  live?: { watch(isWatched: boolean): void };
  /** What the worker says of itself in `GET /v1/stats`. */
  describe?: (queue: string) => WorkerInfo;
  counters?: Counters;
  log: WorkerLog;
  leaseMs?: number;
  heartbeatMs?: number;
}

export class Heartbeat {
  private stopped = false;
  private beats = 0;
  private isWatched = false;
  /** By the wall clock, which goes on while a machine is suspended. */
  private lastBeatAt = Date.now();
  private connection = -1;
  /** By queue: since when every heartbeat was answered, on one connection. */
  private readonly healthySince = new Map<Claims, number>();
  private readonly suspects = new Map<Claims, Set<string>>();
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: HeartbeatOptions) {}

  start(): void {
    this.running = this.run();
  }

  /** Resolves when no heartbeat is under way any more. */
  async stop(): Promise<void> {
    this.end();
    await this.running;
  }

  /** No further heartbeat begins. */
  end(): void {
    this.stopped = true;
    this.options.due.notify();
  }

  private async run(): Promise<void> {
    const { link, due, heartbeatMs = HEARTBEAT_MS } = this.options;
    while (!this.stopped) {
      await link.whenUp();
      if (this.stopped) return;
      due.clear();
      await this.beat();
      if (this.stopped) return;
      await due.wait(heartbeatMs);
    }
  }

  private async beat(): Promise<void> {
    const { queues, upkeep } = this.options;
    const startedAt = performance.now();
    this.detectDisturbance();
    this.beats += 1;
    this.isWatched = false;
    try {
      for (const claims of queues) await this.beatUnlessBroken(claims, startedAt);
      this.options.live?.watch(this.isWatched);
    } catch (error) {
      this.healthySince.clear();
      this.report(error, "heartbeat.failed");
      return;
    }
    // What fails from here on says nothing about heartbeats, this worker's or others'.
    for (const claims of queues) {
      try {
        await upkeep.run(claims.queue);
        if (this.beats % AUDIT_EVERY_BEATS === 0) await this.audit(claims);
      } catch (error) {
        this.report(error, "upkeep.failed");
      }
    }
  }

  /** What fails for a reason of one queue's own must not cost the others their lease. */
  private async beatUnlessBroken(claims: Claims, startedAt: number): Promise<void> {
    try {
      await this.beatFor(claims);
      if (!this.healthySince.has(claims)) this.healthySince.set(claims, startedAt);
    } catch (error) {
      if (error instanceof ValkeyUnavailable) throw error;
      this.healthySince.delete(claims);
      this.report(error, "heartbeat.failed");
    }
  }

  /** An outage is reported by the link. */
  private report(error: unknown, event: string): void {
    if (error instanceof ValkeyUnavailable) return;
    this.options.log.error({ err: error }, event);
  }

  /**
   * After an outage, or on a machine that was suspended, everybody's heartbeats may have been late, so
   * they prove nothing about the others.
   */
  private detectDisturbance(): void {
    const { link, leaseMs = LEASE_MS } = this.options;
    const now = Date.now();
    if (now - this.lastBeatAt > leaseMs || link.connections !== this.connection) {
      this.healthySince.clear();
    }
    this.lastBeatAt = now;
    this.connection = link.connections;
  }

  private async beatFor(claims: Claims): Promise<void> {
    const { log, claimer, leaseMs = LEASE_MS } = this.options;
    const { queue } = claims;
    const worker = claims.worker ?? randomBytes(6).toString("hex");
    const join = claims.worker === null;
    const { known, dead, watched, hasWork } = await this.askForBeat(claims, worker, {
      join,
      leaseMs,
    });
    this.isWatched ||= watched;
    if (!known) {
      log.warn({ queue, worker }, "worker.lost");
      claims.lost();
      await this.beatFor(claims);
      return;
    }
    if (join) {
      claims.joined(worker);
      log.info({ queue, worker }, "worker.joined");
    }
    if (join || hasWork) claimer.notify();
    if (!this.mayTakeOver(claims, leaseMs)) return;
    for (const other of dead) {
      const taken = await this.takeOver(claims, other, leaseMs);
      if (taken === null) continue;
      this.options.counters?.takenOver.add([queue], taken);
      log.warn({ queue, worker: other, claims: taken }, "worker.taken_over");
      claimer.notify();
    }
  }

  private async askForBeat(
    { store, progress }: Claims,
    worker: string,
    options: { join: boolean; leaseMs: number },
  ): ReturnType<typeof store.beat> {
    const { describe, counters } = this.options;
    const startedAt = performance.now();
    try {
      const reply = await store.beat(worker, { ...options, info: describe?.(store.queue) });
      counters?.valkeyCall("beat", performance.now() - startedAt);
      progress.beat();
      return reply;
    } catch (error) {
      progress.beatFailed(error);
      throw error;
    }
  }

  /** What cannot be taken over (a key holds something else) stays: heartbeats have to go on. */
  private async takeOver(claims: Claims, other: string, leaseMs: number): Promise<number | null> {
    try {
      return await claims.store.takeOver(other, leaseMs);
    } catch (error) {
      if (error instanceof ValkeyUnavailable) throw error;
      const { queue } = claims;
      this.options.log.error({ err: error, queue, worker: other }, "takeover.failed");
      return null;
    }
  }

  /** Nobody is declared dead before this worker was healthy for one lease. */
  private mayTakeOver(claims: Claims, leaseMs: number): boolean {
    const since = this.healthySince.get(claims);
    return (
      since !== undefined &&
      this.options.link.connections === this.connection &&
      performance.now() - since >= leaseMs
    );
  }

  /** A claim is stranded if it is unknown here at two audits: then it is not one whose reply is under way. */
  private async audit(claims: Claims): Promise<void> {
    const { log, claimer } = this.options;
    const { worker, held, store } = claims;
    if (worker === null) return;
    const before = this.suspects.get(claims) ?? new Set();
    const unknown = new Set((await store.heldBy(worker)).filter((claim) => !held.has(claim)));
    const stranded = [...unknown].filter((claim) => before.has(claim));
    this.suspects.set(claims, unknown);
    if (stranded.length === 0) return;
    const returned = await store.abandonLost(worker, stranded);
    log.error({ queue: store.queue, claims: returned }, "claims.stranded");
    claimer.notify();
  }
}
