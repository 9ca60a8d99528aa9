// The life of what runs executions: it starts, it runs the batches that it claims, it drains. The machinery is the
// worker's: claims, heartbeats, take-over, lanes and the schedule are those of deliveries.
import type { WorkerLog } from "../../log.ts";
import type { Claimer } from "../../worker/claim/claimer.ts";
import { notReadyCauses, type WorkerState } from "../../worker/progress.ts";
import type { Capacity } from "../../worker/settle/capacity.ts";
import type { Claims } from "../../worker/settle/claims.ts";
import { returnWithCrashes } from "../../worker/settle/endings.ts";
import type { Heartbeat } from "../../worker/settle/heartbeat.ts";
import type { NotReadyCause } from "../../wire/not-ready.ts";
import type { Answers } from "./answers.ts";
import { runExecutions, type RouteDeps } from "./route.ts";

export interface ExecutionWorkerParts {
  link: WorkerState["link"];
  claims: Claims;
  claimer: Claimer;
  capacity: Capacity;
  heartbeat: Heartbeat;
  /** The connections that wait. */
  waits: readonly { close(): void }[];
  answers: Answers;
  routes: RouteDeps;
  state: { isDraining: boolean };
  log: WorkerLog;
}

/** After the grace: enough to return claims and to leave, too little to hang on a dead Valkey. */
const LEAVE_LIMIT_MS = 5_000;

export class ExecutionWorker {
  private claiming: Promise<void> = Promise.resolve();

  constructor(private readonly parts: ExecutionWorkerParts) {}

  start(): void {
    this.parts.heartbeat.start();
    this.parts.answers.start();
    this.claiming = this.run();
  }

  /** Why no executions run, as `/readyz` answers it; empty where they do. */
  notReadyCauses(): NotReadyCause[] {
    const { link, claims, capacity } = this.parts;
    // How many are claimed says nothing: a node may take a minute, and each has a time-out of its own.
    const room = { held: 0, max: capacity.max, nothingSettledForMs: 0 };
    return link.isUp ? notReadyCauses({ link, claims: [claims], capacity: room }) : [];
  }

  private async run(): Promise<void> {
    const { claimer, routes } = this.parts;
    for await (const batch of claimer.batches()) runExecutions(batch, routes);
  }

  /**
   * Ends the work. No node with an effect begins any more; what is in hand may finish within `graceMs`. The rest
   * is returned, and another process goes on from the node that was in hand.
   */
  async drain(graceMs: number): Promise<void> {
    const { state, claimer, waits, heartbeat, answers, capacity, routes } = this.parts;
    state.isDraining = true;
    claimer.stop();
    for (const wait of waits) wait.close();
    routes.slots.refuseAll();
    const grace = limit(graceMs);
    await Promise.race([Promise.all([this.claiming, answers.stop()]), grace.passed]);
    await Promise.race([capacity.whenEmpty(), grace.passed]);
    grace.clear();
    for (const [claim, claims] of [...routes.running].toReversed()) {
      routes.running.delete(claim);
      returnWithCrashes(claims, claim);
    }
    const leaving = limit(LEAVE_LIMIT_MS);
    await Promise.race([this.leave(), leaving.passed]);
    leaving.clear();
    heartbeat.end();
  }

  private async leave(): Promise<void> {
    const { claims, heartbeat, log } = this.parts;
    try {
      await claims.whenSettled();
      // First, or a heartbeat in between would find its worker unknown and join again.
      await heartbeat.stop();
      if (claims.worker !== null) await claims.store.leave(claims.worker);
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
