// The worker's life: it starts, it runs the batches that it claims, it drains. The way of a delivery is
// claim/ → run/ → settle/ → after/; service/open-worker.ts puts the parts together.
import type { Link } from "../valkey/connection/link.ts";
import type { WebhookCache } from "../valkey/webhooks/webhook-cache.ts";
import type { ChangeStream } from "../valkey/connection/change-stream.ts";
import type { WorkerLog } from "../log.ts";
import type { SeriesWriter } from "../stats/series-writer.ts";
import type { NotReadyCause } from "../wire/not-ready.ts";
import { notReadyCauses } from "./progress.ts";
import type { AttemptLogger } from "./after/attempt-log.ts";
import type { AttemptStream } from "./after/attempt-stream.ts";
import type { FailureLogger } from "./after/failure-log.ts";
import type { Claimer } from "./claim/claimer.ts";
import type { NextClaim } from "./claim/next-claim.ts";
import type { RouteDeps } from "./run/route.ts";
import { runBatch } from "./run/run-batch.ts";
import type { Slots } from "./run/slots.ts";
import type { Capacity } from "./settle/capacity.ts";
import type { Claims } from "./settle/claims.ts";
import { returnBegun } from "./settle/endings.ts";
import type { Heartbeat } from "./settle/heartbeat.ts";
import type { PreparedWebhook } from "./webhooks/prepared-webhook.ts";
import type { Rejecter } from "./settle/reject.ts";

export interface WorkerParts {
  link: Pick<Link, "isUp" | "whenUp" | "lastProblem">;
  /** One for each queue. */
  claims: readonly Claims[];
  nextClaims: readonly NextClaim[];
  claimer: Claimer;
  capacity: Capacity;
  slots: Slots;
  routes: RouteDeps;
  rejecter: Rejecter;
  heartbeat: Heartbeat;
  attemptLog: AttemptLogger;
  stream: AttemptStream | null;
  changes: ChangeStream;
  failureLog: FailureLogger | null;
  series: SeriesWriter;
  cache: Pick<WebhookCache<PreparedWebhook>, "size">;
  state: { isDraining: boolean };
  log: WorkerLog;
}

export interface WorkerUsage {
  /** `FLUXHOOK_CONCURRENCY`. */
  slots: number;
  /** Attempts that are under way. */
  slotsInUse: number;
  /** Claimed and not settled. */
  heldClaims: number;
  /** Owners whose webhooks are in memory. */
  cachedOwners: number;
}

/** After the grace: enough to return claims and to leave, too little to hang on a dead Valkey. */
const LEAVE_LIMIT_MS = 5_000;

export class Worker {
  private claiming: Promise<void> = Promise.resolve();

  constructor(private readonly parts: WorkerParts) {}

  get isConnected(): boolean {
    const { link, claims } = this.parts;
    return link.isUp && claims.every(({ worker }) => worker !== null);
  }

  /** Resolves when it is connected and has joined its queues. */
  async whenConnected(): Promise<void> {
    const { link, claims } = this.parts;
    while (!this.isConnected) {
      await link.whenUp();
      await Promise.all(claims.map((one) => one.whenJoined()));
    }
  }

  /** Why no work gets done, as `/readyz` answers it; empty where work gets done. */
  notReadyCauses(): NotReadyCause[] {
    return notReadyCauses(this.parts);
  }

  /** How much of what it may use the worker uses now. */
  get usage(): WorkerUsage {
    const { capacity, routes, cache } = this.parts;
    return {
      slots: capacity.max,
      slotsInUse: routes.attempts.running.size,
      heldClaims: capacity.held,
      cachedOwners: cache.size,
    };
  }

  start(): this {
    this.parts.changes.open();
    this.parts.heartbeat.start();
    this.claiming = this.run();
    return this;
  }

  private async run(): Promise<void> {
    const { claimer, routes } = this.parts;
    for await (const batch of claimer.batches()) runBatch(batch, routes);
  }

  /**
   * Ends the work. Nothing more is claimed, what waits for a slot is returned at once, and what is in
   * flight may finish within `graceMs`; the rest is returned then, and may be sent again.
   */
  async drain(graceMs: number): Promise<{ putBack: number }> {
    const { capacity, claimer, slots, state, nextClaims, heartbeat, changes } = this.parts;
    state.isDraining = true;
    const grace = limit(graceMs);
    claimer.stop();
    for (const one of nextClaims) one.close();
    slots.refuseAll();
    await Promise.race([this.claiming, grace.passed]);
    await Promise.race([capacity.whenEmpty(), grace.passed]);
    grace.clear();
    const putBack = this.returnRunning();
    const leaving = limit(LEAVE_LIMIT_MS);
    await Promise.race([this.leave(), leaving.passed]);
    leaving.clear();
    heartbeat.end();
    this.parts.series.close();
    await changes.close();
    return { putBack };
  }

  private returnRunning(): number {
    const { running } = this.parts.routes.attempts;
    // The last one first: each returns to the end that is claimed next.
    const begun = [...running].toReversed();
    for (const [claim, { claims, header }] of begun) {
      running.delete(claim);
      returnBegun({ claims, claim, header });
    }
    return begun.length;
  }

  private async leave(): Promise<void> {
    const { claims, rejecter, heartbeat, attemptLog, failureLog, stream, series, log } = this.parts;
    try {
      await rejecter.whenIdle();
      await Promise.all(claims.map((one) => one.whenSettled()));
      // First, or a heartbeat in between would find its worker unknown and join again.
      await heartbeat.stop();
      for (const { store, worker } of claims) {
        // What the worker should still hold is returned now, not after a lease.
        if (worker !== null) await store.leave(worker);
      }
      await Promise.all([attemptLog.flush(), failureLog?.flush(), stream?.flush(), series.flush()]);
    } catch (error) {
      // What could not be returned is taken over after its lease.
      log.warn({ err: error }, "worker.left_without_leave");
    }
  }
}

function limit(ms: number): { passed: Promise<void>; clear: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return { passed: promise, clear: () => clearTimeout(timer) };
}
