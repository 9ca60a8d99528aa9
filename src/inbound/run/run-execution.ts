// One run of an execution under one claim: its nodes in order, until it has ended or a node waits. The result of a
// node with an effect is stored, fenced by the claim, before the next node with an effect begins, or with the end of
// the execution. So whatever ends this process, no finished node runs again, but at most the one that was in hand.
import { faultPoint } from "../../fault-point.ts";
import type { AdvanceReply } from "../../valkey/inbound/execution-store.ts";
import {
  waitText,
  type NodeWait,
  type StoredExecution,
} from "../../valkey/inbound/stored-execution.ts";
import type { ExecutionError } from "../../wire/workflow/execution.ts";
import type { CompiledNode } from "../compile.ts";
import type { LiveExecutions } from "../live-executions.ts";
import type { Advances } from "./advances.ts";
import { failureJson, NodeResults, type Field } from "./node-results.ts";
import { runEvent, type EventDeps } from "./nodes/event.ts";
import { runHttp, type HttpDeps } from "./nodes/http.ts";
import type { NodeContext, NodeFailure, NodeOutcome } from "./nodes/outcome.ts";
import { isPure, type PureNode } from "./nodes/pure.ts";
import {
  answered,
  pushTask,
  taskText,
  unanswered,
  type TaskDeps,
  type TaskNode,
} from "./nodes/task.ts";
import type { RunnableRevision } from "./revisions.ts";

export interface RunDeps extends HttpDeps, EventDeps, TaskDeps {
  advances: Pick<Advances, "save">;
  maxOutputBytes: number;
  replyTo: string;
  state: { readonly isDraining: boolean };
  live: Pick<LiveExecutions, "isWatched" | "add">;
}

export interface RunRequest {
  id: string;
  worker: string;
  claim: string;
  execution: StoredExecution;
  revision: RunnableRevision;
  /** What it waited for is due. */
  isDue: boolean;
}

/** Why a run is over. */
export type RunEnd =
  | {
      kind: "ended";
      state: "finished" | "failed";
      error: ExecutionError | null;
      isOverload: boolean;
      /** The claim ended with it. */
      isSettled: boolean;
    }
  | { kind: "waits"; nodeId: string; delayMs: number }
  /** It had ended before, or no longer exists. */
  | { kind: "stale"; state: "finished" | "failed" | "cancelled" | "gone" }
  /** Another worker has it. */
  | { kind: "lost" }
  /** The worker drains. */
  | { kind: "stopped" };

const MAX_RETRY_DELAY_MS = 86_400_000;
const FULL_PAUSE_MS = 1_000;

/** Null where the run goes on at once; a promise of null where it goes on. */
type Running = Promise<RunEnd | null> | null;

export class ExecutionRun {
  readonly results: NodeResults;
  private readonly context: NodeContext;
  private readonly startedMs: number;
  /** A node with an effect has ended, and its result is not stored yet. */
  private hasUnsavedEffect = false;
  /** Of such nodes: the fields of their waits, which are removed when the results are stored. */
  private unsavedRemovals: string[] = [];

  constructor(
    private readonly request: RunRequest,
    private readonly deps: RunDeps,
  ) {
    const { id, execution, revision } = request;
    this.context = { executionId: id, maxOutputBytes: deps.maxOutputBytes };
    this.results = new NodeResults(execution, revision.nodes, this.context, deps.now);
    this.startedMs = execution.startedMs ?? deps.now();
  }

  async run(): Promise<RunEnd> {
    for (const node of this.request.revision.nodes) {
      if (this.results.all.has(node.id) || this.results.skips(node)) continue;
      // No promise for pure nodes: most workflows of a few of them end in this turn of the event loop.
      const running = isPure(node) ? this.runPure(node) : this.runEffect(node);
      const over = running === null ? null : await running;
      if (over !== null) return over;
    }
    return this.end("finished", null, false);
  }

  private runPure(node: PureNode): Running {
    const failed = this.results.compute(node);
    // It would fail again in the same way.
    if (failed === null || node.onError === "continue") return null;
    return this.endFailed(node, failed);
  }

  private async runEffect(
    node: Exclude<CompiledNode, { type: "set" | "if" }>,
  ): Promise<RunEnd | null> {
    const { isDraining } = this.deps.state;
    // Before a task is pushed, what it waits for is stored, and with it all before it.
    if (this.hasUnsavedEffect && (node.type !== "task" || isDraining)) {
      const over = this.saved(await this.save("running"));
      if (over !== null) return over;
    }
    const { execution } = this.request;
    const wait = execution.waits.get(node.id);
    const attempt = {
      attempts: wait?.attempt ?? 1,
      startedMs: wait?.startedMs ?? this.deps.now(),
    };
    let outcome: NodeOutcome | null;
    if (node.type === "task") {
      const answer = execution.answers.get(node.id);
      if (answer !== undefined) outcome = answered(answer, this.context);
      else if (wait?.kind === "task" && this.isDue(wait)) outcome = unanswered(node);
      else return this.beginTask(node, wait, attempt);
    } else {
      if (isDraining) return { kind: "stopped" };
      this.noteBegin(node);
      outcome = await this.runRequest(node);
      faultPoint("node-ran");
    }
    return this.take(node, outcome, attempt);
  }

  private noteBegin({ id: nodeId }: CompiledNode): void {
    const { id, execution } = this.request;
    const { workflowId } = execution;
    if (this.deps.live.isWatched) this.deps.live.add({ id, workflowId, state: "running", nodeId });
  }

  private runRequest(
    node: Extract<CompiledNode, { type: "http" | "event" }>,
  ): Promise<NodeOutcome> {
    return node.type === "http"
      ? runHttp(node, this.results.scope, this.context, this.deps)
      : runEvent(node, this.results.scope, this.context, this.deps);
  }

  /** Records what a node has come to, and goes on (null), waits or ends. */
  private take(node: CompiledNode, outcome: NodeOutcome, attempt: Attempt): Running {
    if (outcome.kind === "full") {
      // Nothing was sent, so the same attempt is made again.
      return this.waitForRetry(node, attempt.attempts, FULL_PAUSE_MS, attempt.startedMs);
    }
    if (outcome.kind === "failed") return this.failOrRetry(node, outcome, attempt);
    const durationMs = this.deps.now() - attempt.startedMs;
    this.results.record(node, { state: "finished", ...attempt, durationMs, json: outcome.json });
    this.endedEffect(node);
    return null;
  }

  private endedEffect({ id }: CompiledNode): void {
    this.hasUnsavedEffect = true;
    if (this.request.execution.waits.has(id)) this.unsavedRemovals.push(`w:${id}`, `a:${id}`);
  }

  private failOrRetry(node: CompiledNode, failed: NodeFailure, attempt: Attempt): Running {
    const isLast = !failed.mayRetry || attempt.attempts >= node.attempts;
    if (isLast) return this.fail(node, failed, attempt);
    const delayMs = Math.min(node.retryDelayMs * 2 ** (attempt.attempts - 1), MAX_RETRY_DELAY_MS);
    return this.waitForRetry(node, attempt.attempts + 1, delayMs, attempt.startedMs);
  }

  private fail(node: CompiledNode, failed: NodeFailure, attempt: Attempt): Running {
    const durationMs = this.deps.now() - attempt.startedMs;
    const json = failureJson(failed);
    this.results.record(node, { state: "failed", ...attempt, durationMs, json });
    if (node.onError !== "continue") return this.endFailed(node, failed);
    this.endedEffect(node);
    return null;
  }

  private endFailed(node: CompiledNode, { code, message, isOverload }: NodeFailure): Running {
    return this.end("failed", { node_id: node.id, code, message }, isOverload === true);
  }

  private async waitForRetry(
    node: CompiledNode,
    attempt: number,
    delayMs: number,
    startedMs: number,
  ): Promise<RunEnd> {
    const wait: NodeWait = { kind: "retry", attempt, startedMs, dueMs: this.deps.now() + delayMs };
    this.unsavedRemovals.push(answerField(node));
    const reply = await this.save("waiting", waitField(node, wait));
    return this.saved(reply) ?? { kind: "waits", nodeId: node.id, delayMs };
  }

  /** Pushes the task. It is stored before that it waits, for an answer may come at once. */
  private async beginTask(
    node: TaskNode,
    before: NodeWait | undefined,
    attempt: Attempt,
  ): Promise<RunEnd | null> {
    if (this.deps.state.isDraining) return { kind: "stopped" };
    const isPushedAgain = before?.kind === "task";
    const wait: NodeWait = isPushedAgain
      ? before
      : {
          kind: "task",
          attempt: attempt.attempts,
          startedMs: attempt.startedMs,
          dueMs: this.deps.now() + node.timeoutMs,
        };
    const { workflowId } = this.request.execution;
    const context = { ...this.context, workflowId, replyTo: this.deps.replyTo };
    const task = taskText(node, wait, this.results.scope, context);
    if ("kind" in task) return this.take(node, task, attempt);
    const over = this.saved(await this.save("waiting", waitField(node, wait)));
    if (over !== null) return over;
    faultPoint("task-waits");
    const problem = await pushTask(node, task.text, this.deps);
    if (problem !== null) return this.take(node, problem, attempt);
    faultPoint("task-pushed");
    return { kind: "waits", nodeId: node.id, delayMs: Math.max(0, wait.dueMs - this.deps.now()) };
  }

  private isDue({ dueMs }: NodeWait): boolean {
    return this.request.isDue || this.deps.now() >= dueMs;
  }

  private async end(
    state: "finished" | "failed",
    error: ExecutionError | null,
    isOverload: boolean,
  ): Promise<RunEnd> {
    const reply = await this.save(state, null, error === null ? "" : JSON.stringify(error));
    // The same state: the reply to this very step was lost.
    if (reply === "ok" || reply === state) {
      return { kind: "ended", state, error, isOverload, isSettled: reply === "ok" };
    }
    return this.saved(reply) ?? { kind: "lost" };
  }

  private save(
    state: "running" | "waiting" | "finished" | "failed",
    wait: Field | null = null,
    error = "",
  ): Promise<AdvanceReply> {
    const { id, worker, claim, execution } = this.request;
    const set = this.results.takeUnsaved();
    if (wait !== null) set.push(wait);
    const remove = this.unsavedRemovals;
    this.unsavedRemovals = [];
    this.hasUnsavedEffect = false;
    const { startedMs } = this;
    const { run, workflowId } = execution;
    const advance = { worker, claim, id, workflowId, run, state, startedMs, error, set, remove };
    return this.deps.advances.save(advance);
  }

  /** Null where the run may go on. */
  private saved(reply: AdvanceReply): RunEnd | null {
    faultPoint("node-stored");
    if (reply === "ok") return null;
    return reply === "lost" ? { kind: "lost" } : { kind: "stale", state: reply };
  }
}

interface Attempt {
  attempts: number;
  startedMs: number;
}

function waitField({ id }: CompiledNode, wait: NodeWait): Field {
  return [`w:${id}`, waitText(wait)];
}

function answerField({ id }: CompiledNode): string {
  return `a:${id}`;
}
