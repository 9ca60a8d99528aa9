// Heartbeats, and what happens without them. A dead worker's claims run again within 15 s: lease
// 10 s, looked at every 2 s. A living worker's claims that it has lost sight of (a fault of ours) are
// found by comparing what Valkey knows with what it holds.
import { randomBytes } from "node:crypto";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import type { Membership } from "./membership.ts";
import type { WorkerLog } from "../../worker-log.ts";

export const LEASE_MS = 10_000;
export const HEARTBEAT_MS = 2_000;
/** A claim that was taken over so often is set aside, not run again. */
export const MOST_CRASHES = 5;
const AUDIT_EVERY_BEATS = 5;

export interface ReaperOptions {
  memberships: readonly Membership[];
  log: WorkerLog;
  /** It has joined, or somebody's claims have become ready. */
  onWork: () => void;
  /** What else is due with each heartbeat. */
  onBeat: (membership: Membership) => Promise<void>;
  whenUp: () => Promise<boolean>;
  leaseMs?: number;
  heartbeatMs?: number;
}

export class Reaper {
  private timer: Timer | null = null;
  private stopped = false;
  private beats = 0;
  /** By the wall clock, which goes on while a machine is suspended. */
  private lastBeatAt = Date.now();
  /** Since when every heartbeat has been answered; nobody is judged before one lease of that. */
  private readonly steadySince = new Map<Membership, number>();
  private readonly suspects = new Map<Membership, Set<string>>();
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: ReaperOptions) {}

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    this.wakeUp?.();
    await this.running;
  }

  /** Joins anew at once instead of at the next beat. */
  rejoin(): void {
    this.wakeUp?.();
  }

  /** An outage: everybody's heartbeats were late, so nobody is judged by them. */
  disturbed(): void {
    this.steadySince.clear();
  }

  private wakeUp: (() => void) | null = null;

  private async run(): Promise<void> {
    while (!this.stopped) {
      await this.options.whenUp();
      if (this.stopped) return;
      await this.beat();
      if (this.stopped) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.wakeUp = resolve;
      this.timer = setTimeout(resolve, this.options.heartbeatMs ?? HEARTBEAT_MS);
      await promise;
      clearTimeout(this.timer);
    }
  }

  private async beat(): Promise<void> {
    const startedAt = performance.now();
    this.noticeStandstill();
    this.beats += 1;
    try {
      for (const membership of this.options.memberships) {
        await this.beatUnlessBroken(membership, startedAt);
      }
    } catch (error) {
      this.disturbed();
      this.tell(error, "heartbeat.failed");
      return;
    }
    // What fails from here on says nothing about heartbeats, its own or others'.
    for (const membership of this.options.memberships) {
      try {
        await this.options.onBeat(membership);
        if (this.beats % AUDIT_EVERY_BEATS === 0) await this.audit(membership);
      } catch (error) {
        this.tell(error, "upkeep.failed");
      }
    }
  }

  /** What fails for a reason of one queue's own must not cost the others their lease. */
  private async beatUnlessBroken(membership: Membership, startedAt: number): Promise<void> {
    try {
      await this.beatFor(membership);
      if (!this.steadySince.has(membership)) this.steadySince.set(membership, startedAt);
    } catch (error) {
      if (error instanceof ValkeyUnavailable) throw error;
      this.steadySince.delete(membership);
      this.tell(error, "heartbeat.failed");
    }
  }

  /** An outage is told by the link. */
  private tell(error: unknown, event: string): void {
    if (error instanceof ValkeyUnavailable) return;
    this.options.log.error({ err: error }, event);
  }

  /** A suspended machine: the others may have been stopped with this process, and be as alive. */
  private noticeStandstill(): void {
    const now = Date.now();
    if (now - this.lastBeatAt > (this.options.leaseMs ?? LEASE_MS)) this.disturbed();
    this.lastBeatAt = now;
  }

  private async beatFor(membership: Membership): Promise<void> {
    const { log, onWork } = this.options;
    const leaseMs = this.options.leaseMs ?? LEASE_MS;
    const { queue } = membership.store;
    const worker = membership.worker ?? randomBytes(6).toString("hex");
    const join = membership.worker === null;
    const { known, dead } = await this.askForBeat(membership, worker, { join, leaseMs });
    if (!known) {
      log.warn({ queue, worker }, "worker.lost");
      membership.lost();
      await this.beatFor(membership);
      return;
    }
    if (join) {
      membership.joined(worker);
      log.info({ queue, worker }, "worker.joined");
      onWork();
    }
    if (!this.mayJudge(membership, leaseMs)) return;
    for (const other of dead) {
      let claims: number | null;
      try {
        claims = await membership.store.takeOver(other, leaseMs);
      } catch (error) {
        // What cannot be taken over (a key holds something else) stays; heartbeats have to go on.
        if (error instanceof ValkeyUnavailable) throw error;
        log.error({ err: error, queue, worker: other }, "takeover.failed");
        continue;
      }
      if (claims === null) continue;
      log.warn({ queue, worker: other, claims }, "worker.taken_over");
      onWork();
    }
  }

  private async askForBeat(
    { store, progress }: Membership,
    worker: string,
    options: { join: boolean; leaseMs: number },
  ): ReturnType<typeof store.beat> {
    try {
      const reply = await store.beat(worker, options);
      progress.beat();
      return reply;
    } catch (error) {
      progress.beatFailed(error);
      throw error;
    }
  }

  private mayJudge(membership: Membership, leaseMs: number): boolean {
    const since = this.steadySince.get(membership);
    return since !== undefined && performance.now() - since >= leaseMs;
  }

  /** Twice unknown, one audit apart: then it is no claim whose reply is just on its way. */
  private async audit(membership: Membership): Promise<void> {
    const { worker, held, store } = membership;
    if (worker === null) return;
    const before = this.suspects.get(membership) ?? new Set();
    const unknown = new Set((await store.heldBy(worker)).filter((claim) => !held.has(claim)));
    const stranded = [...unknown].filter((claim) => before.has(claim));
    this.suspects.set(membership, unknown);
    if (stranded.length === 0) return;
    const claims = await store.giveUp(worker, stranded);
    this.options.log.error({ queue: store.queue, claims }, "claims.stranded");
    this.options.onWork();
  }
}
