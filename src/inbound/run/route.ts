// Decides what becomes of a claimed execution: it gets a slot of its workflow and runs, it goes to the workflow's
// lane, or it is over. One that hangs holds the slots of its own workflow only.
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import { retryWhileAway, type Reconnecting } from "../../valkey/connection/retry.ts";
import {
  readExecutionElement,
  type ExecutionElement,
} from "../../valkey/inbound/execution-element.ts";
import type { ExecutionStore } from "../../valkey/inbound/execution-store.ts";
import type { StoredExecution } from "../../valkey/inbound/stored-execution.ts";
import type { Claimed } from "../../valkey/queue/claimed.ts";
import type { WorkerLog } from "../../log.ts";
import { excerpt } from "../../wire/excerpt.ts";
import { ENDED_STATES } from "../../wire/workflow/execution.ts";
import type { Batch } from "../../worker/job.ts";
import { MAX_CRASHES } from "../../worker/run/route.ts";
import type { Slot, SlotResult, Slots } from "../../worker/run/slots.ts";
import type { Throughput } from "../../worker/run/throughput.ts";
import type { Claims } from "../../worker/settle/claims.ts";
import { returnWithCrashes } from "../../worker/settle/endings.ts";
import { logFailed } from "./log-failed.ts";
import type { Revisions, RevisionFault, RunnableRevision } from "./revisions.ts";
import { ExecutionRun, type RunDeps, type RunEnd } from "./run-execution.ts";
import { outputsOf } from "./outputs.ts";
import type { Waiters } from "./waiters.ts";

export interface RouteDeps {
  run: RunDeps;
  slots: Slots;
  throughput: Pick<Throughput, "add">;
  revisions: Revisions;
  store: Pick<ExecutionStore, "read">;
  link: Reconnecting;
  waiters: Waiters;
  /** Executions that this process has accepted: they need not be read. */
  accepted: Map<string, StoredExecution>;
  /** Claims whose nodes are running: a drain waits for them, and returns them when its time is over. */
  running: Map<Claimed, Claims>;
  log: WorkerLog;
}

interface Work extends ExecutionElement {
  claims: Claims;
  claim: Claimed;
}

/** Begins every execution of a batch, in the order in which they were claimed. */
export function runExecutions({ claims, items }: Batch, deps: RouteDeps): void {
  for (const { claim, slot } of items) {
    route(claims, claim, slot, deps).catch((error: unknown) => {
      deps.running.delete(claim);
      // An exception is our fault: the claim is left to be taken over. An outage is reported by the link.
      if (!(error instanceof ValkeyUnavailable)) {
        deps.log.error({ err: error, queue: claims.queue }, "execution.crashed");
      }
      claims.release([claim]);
    });
  }
}

async function route(
  claims: Claims,
  claim: Claimed,
  reserved: Slot | null,
  deps: RouteDeps,
): Promise<void> {
  const { slots, revisions, run } = deps;
  const giveBack = () => reserved && slots.finish(reserved, "neutral");
  const element = claim.damage === undefined ? readExecutionElement(claim.bytes) : null;
  if (element === null) {
    giveBack();
    const found = claim.damage ?? excerpt(claim.bytes?.toString() ?? "");
    deps.log.error({ queue: claims.queue, found }, "execution.unreadable");
    claims.settle(claim, { verb: "done", ending: "rejected" });
    return;
  }
  if (run.state.isDraining) {
    giveBack();
    returnWithCrashes(claims, claim);
    return;
  }
  const work: Work = { ...element, claims, claim };
  const { workflowId, revision: number } = element;
  let revision = revisions.peek(workflowId, number);
  let slot: Slot | null = reserved;
  try {
    revision ??= await revisions.get(workflowId, number);
    slot ??= await takeSlot(work, deps);
  } catch (error) {
    giveBack();
    throw error;
  }
  if (slot !== null) await runWithSlot(work, revision, slot, deps);
}

/** Returns null where it got none and has gone to the lane. */
function takeSlot(work: Work, { slots, run }: RouteDeps): Slot | Promise<Slot | null> | null {
  const { workflowId, claims, claim } = work;
  // What was under way before goes on with the next slot; what is new waits behind the lane.
  const isResumed = claim.source === "due" || claim.source === "ready";
  const toLane = () => {
    if (run.state.isDraining) returnWithCrashes(claims, claim);
    else {
      const { claim: name, at } = claim.header as { claim: string; at: number };
      const header = { claim: name, at, lane: workflowId };
      claims.settle(claim, { verb: "lane", webhookId: workflowId, header, first: isResumed });
    }
  };
  if (!isResumed && claims.lanes.has(workflowId)) {
    toLane();
    return null;
  }
  const taken = slots.hasWaiters(workflowId) ? null : slots.take(workflowId);
  return taken ?? slots.wait(workflowId, toLane);
}

async function runWithSlot(
  work: Work,
  revision: RunnableRevision | RevisionFault,
  slot: Slot,
  deps: RouteDeps,
): Promise<void> {
  let result: SlotResult = "neutral";
  try {
    deps.slots.begin(slot);
    const { running } = deps;
    running.set(work.claim, work.claims);
    const execution = await readFor(work, revision, deps);
    const end = await runOf(work, execution, revision, deps);
    // A drain has returned it meanwhile: this run no longer decides.
    if (!running.delete(work.claim)) return;
    settle(work, end, deps);
    result = slotResult(end);
    deps.throughput.add();
  } finally {
    deps.slots.finish(slot, result);
  }
}

/** Null where there is nothing to run: it has ended, was removed, or was begun again. */
async function readFor(
  work: Work,
  revision: RunnableRevision | RevisionFault,
  deps: RouteDeps,
): Promise<StoredExecution | null> {
  const { executionId: id, run } = work;
  const known = deps.accepted.get(id);
  deps.accepted.delete(id);
  // Once only: whoever has it the second time was not the first. And only where no node has an effect: it may have
  // been cancelled while it waited.
  const hasEffects = "fault" in revision || !revision.isPure;
  if (known !== undefined && work.claim.source === "list" && run === 1 && !hasEffects) return known;
  const read = await retryWhileAway(deps.link, () => deps.store.read(id));
  return read === null || read.run !== run || ENDED_STATES.has(read.state) ? null : read;
}

async function runOf(
  work: Work,
  execution: StoredExecution | null,
  revision: RunnableRevision | RevisionFault,
  deps: RouteDeps,
): Promise<RunEnd> {
  if (execution === null) return { kind: "stale", state: "gone" };
  const { executionId: id, claim } = work;
  const worker = claim.worker ?? "";
  const fault = faultOf(claim, revision);
  if (fault !== null || "fault" in revision) {
    const error = fault ?? { code: "failed", message: "" };
    return endFaulty(work, execution, error, deps);
  }
  const request = {
    id,
    worker,
    claim: claim.number,
    execution,
    revision,
    isDue: claim.source === "due",
  };
  const run = new ExecutionRun(request, deps.run);
  const end = await run.run();
  if (end.kind === "ended" && deps.waiters.wants(id)) {
    const waited =
      end.error === null
        ? ({ kind: "finished", nodes: outputsOf(revision.names, run.results.all) } as const)
        : ({ kind: "failed", error: end.error } as const);
    deps.waiters.ended(id, waited);
  }
  return end;
}

function faultOf(
  claim: Claimed,
  revision: RunnableRevision | RevisionFault,
): { code: string; message: string } | null {
  if (claim.crashes >= MAX_CRASHES) {
    const message = `its worker ended ${claim.crashes} times while it ran this execution`;
    return { code: "crashed-worker", message };
  }
  return "fault" in revision ? { code: "revision-unusable", message: revision.fault } : null;
}

/** Ends what cannot be run at all. */
async function endFaulty(
  { executionId: id, claim }: Work,
  execution: StoredExecution,
  fault: { code: string; message: string },
  deps: RouteDeps,
): Promise<RunEnd> {
  const error = { node_id: null, ...fault };
  const startedMs = execution.startedMs ?? deps.run.now();
  const reply = await deps.run.advances.save({
    worker: claim.worker ?? "",
    claim: claim.number,
    id,
    workflowId: execution.workflowId,
    run: execution.run,
    state: "failed",
    startedMs,
    error: JSON.stringify(error),
    set: [],
    remove: [],
  });
  deps.log.error({ execution_id: id, reason: fault.code }, "execution.set_aside");
  if (reply === "lost") return { kind: "lost" };
  deps.waiters.ended(id, { kind: "failed", error });
  return { kind: "ended", state: "failed", error, isOverload: false, isSettled: reply === "ok" };
}

function settle({ claims, claim, executionId }: Work, end: RunEnd, { log }: RouteDeps): void {
  switch (end.kind) {
    case "ended":
      // Else the reply to the step that ended both was lost, or it had ended before.
      if (end.isSettled) claims.release([claim]);
      else claims.settle(claim, { verb: "done", ending: end.state });
      if (end.error === null) return;
      logFailed(log, executionId, end.error);
      return;
    case "stale":
      claims.settle(claim, {
        verb: "done",
        ending: end.state === "cancelled" ? "cancelled" : "stale",
      });
      return;
    case "waits":
      claims.settle(claim, {
        verb: "wait",
        execution: executionId,
        delayMs: end.delayMs,
        header: claim.header,
        field: `a:${end.nodeId}`,
      });
      return;
    case "stopped":
      returnWithCrashes(claims, claim);
      return;
    case "lost":
      // Fenced too: it only frees the room here.
      claims.settle(claim, { verb: "done", ending: "stale" });
  }
}

function slotResult(end: RunEnd): SlotResult {
  if (end.kind === "ended" && end.isOverload) return "overload";
  return end.kind === "waits" || (end.kind === "ended" && end.error === null)
    ? "success"
    : "neutral";
}
