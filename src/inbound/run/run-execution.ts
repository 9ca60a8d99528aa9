// One run of an execution under one claim: its nodes in order, until it has ended or a node waits. The result of a
// node with an effect is stored, fenced by the claim, before the next node with an effect begins. So whatever ends
// this process, no finished node runs again, but at most the one that was in hand.
import { workflowScope } from "../../expressions/workflow-scope.ts";
import type { Scope } from "../../expressions/scope.ts";
import { faultPoint } from "../../fault-point.ts";
import type { AdvanceReply } from "../../valkey/inbound/execution-store.ts";
import {
  resultText,
  waitText,
  type NodeResult,
  type NodeWait,
  type StoredExecution,
} from "../../valkey/inbound/stored-execution.ts";
import type { ExecutionError } from "../../wire/workflow/execution.ts";
import type { CompiledNode } from "../compile.ts";
import type { Advances } from "./advances.ts";
import { runEvent, type EventDeps } from "./nodes/event.ts";
import { runHttp, type HttpDeps } from "./nodes/http.ts";
import { failure, type NodeContext, type NodeFailure, type NodeOutcome } from "./nodes/outcome.ts";
import { isPure, PASSED, runPure } from "./nodes/pure.ts";
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

type Field = readonly [field: string, value: string];
/** Null where the run goes on at once; a promise of null where it goes on. */
type Running = Promise<RunEnd | null> | null;

export class ExecutionRun {
  readonly results: Map<string, NodeResult>;
  /** What the expressions read. */
  private readonly texts = new Map<string, { output?: string; error?: string }>();
  private readonly scope: Scope;
  private readonly context: NodeContext;
  private readonly startedMs: number;
  /** Results that are not stored yet: those of pure nodes. */
  private unsaved: Field[] = [];

  constructor(
    private readonly request: RunRequest,
    private readonly deps: RunDeps,
  ) {
    const { id, execution } = request;
    this.results = execution.results;
    for (const [node, result] of this.results) this.texts.set(node, textsOf(result));
    this.scope = workflowScope({
      body: execution.body,
      query: execution.query,
      headers: execution.headers,
      executionId: id,
      nodes: this.texts,
    });
    this.context = { executionId: id, maxOutputBytes: deps.maxOutputBytes };
    this.startedMs = execution.startedMs ?? deps.now();
  }

  async run(): Promise<RunEnd> {
    for (const node of this.request.revision.nodes) {
      if (this.results.has(node.id)) continue;
      if (this.isSkipped(node)) {
        const at = this.deps.now();
        this.record(node, {
          state: "skipped",
          attempts: 0,
          startedMs: at,
          durationMs: 0,
          json: "null",
        });
        continue;
      }
      // No promise for pure nodes: most workflows of a few of them end in this turn of the event loop.
      const running = isPure(node) ? this.runPure(node) : this.runEffect(node);
      const over = running === null ? null : await running;
      if (over !== null) return over;
    }
    return this.end("finished", null, false);
  }

  /** One that waits for a node that was skipped, or for an `if` that did not pass. */
  private isSkipped({ after }: CompiledNode): boolean {
    return after.some((id) => {
      const result = this.results.get(id);
      return result?.state === "skipped" || this.didNotPass(id, result);
    });
  }

  private didNotPass(id: string, result: NodeResult | undefined): boolean {
    const type = this.request.revision.nodes.find((node) => node.id === id)?.type;
    // One that failed, and whose error the workflow goes on after, did not pass either.
    return type === "if" && result !== undefined && result.json !== PASSED;
  }

  private runPure(node: Extract<CompiledNode, { type: "set" | "if" }>): Running {
    const startedMs = this.deps.now();
    const outcome = runPure(node, this.scope, this.context);
    if (outcome.kind === "finished") {
      const durationMs = this.deps.now() - startedMs;
      const { json } = outcome;
      this.record(node, { state: "finished", attempts: 1, startedMs, durationMs, json });
      return null;
    }
    const failed = outcome.kind === "failed" ? outcome : failure("failed", "it cannot be computed");
    return this.fail(node, failed, { attempts: 1, startedMs });
  }

  private async runEffect(
    node: Exclude<CompiledNode, { type: "set" | "if" }>,
  ): Promise<RunEnd | null> {
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
      if (this.deps.state.isDraining) return { kind: "stopped" };
      outcome = await this.runRequest(node);
      faultPoint("node-ran");
    }
    return this.take(node, outcome, attempt);
  }

  private runRequest(
    node: Extract<CompiledNode, { type: "http" | "event" }>,
  ): Promise<NodeOutcome> {
    return node.type === "http"
      ? runHttp(node, this.scope, this.context, this.deps)
      : runEvent(node, this.scope, this.context, this.deps);
  }

  /** Stores what a node has come to, and goes on (null), waits or ends. */
  private async take(
    node: CompiledNode,
    outcome: NodeOutcome,
    attempt: Attempt,
  ): Promise<RunEnd | null> {
    if (outcome.kind === "full") {
      // Nothing was sent, so the same attempt is made again.
      return this.waitForRetry(node, attempt.attempts, FULL_PAUSE_MS, attempt.startedMs);
    }
    if (outcome.kind === "failed") return this.failOrRetry(node, outcome, attempt);
    const durationMs = this.deps.now() - attempt.startedMs;
    this.record(node, { state: "finished", ...attempt, durationMs, json: outcome.json });
    return this.saved(await this.save("running", this.waitFields(node)));
  }

  private failOrRetry(node: CompiledNode, failed: NodeFailure, attempt: Attempt): Running {
    const isLast = !failed.mayRetry || attempt.attempts >= node.attempts;
    if (isLast) return this.fail(node, failed, attempt);
    const delayMs = Math.min(node.retryDelayMs * 2 ** (attempt.attempts - 1), MAX_RETRY_DELAY_MS);
    return this.waitForRetry(node, attempt.attempts + 1, delayMs, attempt.startedMs);
  }

  private fail(node: CompiledNode, failed: NodeFailure, attempt: Attempt): Running {
    const { code, message } = failed;
    const durationMs = this.deps.now() - attempt.startedMs;
    const json = JSON.stringify({ code, message });
    this.record(node, { state: "failed", ...attempt, durationMs, json });
    if (node.onError === "continue") {
      // A pure node fails again in the same way; what had an effect is stored.
      if (isPure(node)) return null;
      return this.save("running", this.waitFields(node)).then((reply) => this.saved(reply));
    }
    const error = { node_id: node.id, code, message };
    return this.end("failed", error, failed.isOverload === true);
  }

  private async waitForRetry(
    node: CompiledNode,
    attempt: number,
    delayMs: number,
    startedMs: number,
  ): Promise<RunEnd> {
    const wait: NodeWait = { kind: "retry", attempt, startedMs, dueMs: this.deps.now() + delayMs };
    const reply = await this.save("waiting", [answerField(node)], [waitField(node, wait)]);
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
    const task = taskText(node, wait, this.scope, context);
    if ("kind" in task) return this.take(node, task, attempt);
    const over = this.saved(await this.save("waiting", [], [waitField(node, wait)]));
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

  private record(node: CompiledNode, result: NodeResult): void {
    this.results.set(node.id, result);
    this.texts.set(node.id, textsOf(result));
    this.unsaved.push([`n:${node.id}`, resultText(result)]);
  }

  private waitFields({ id }: CompiledNode): string[] {
    const { waits } = this.request.execution;
    return waits.has(id) ? [`w:${id}`, `a:${id}`] : [];
  }

  private async end(
    state: "finished" | "failed",
    error: ExecutionError | null,
    isOverload: boolean,
  ): Promise<RunEnd> {
    const reply = await this.save(state, [], [], error === null ? "" : JSON.stringify(error));
    // The same state: the reply to this very step was lost.
    if (reply === "ok" || reply === state) return { kind: "ended", state, error, isOverload };
    return this.saved(reply) ?? { kind: "lost" };
  }

  private save(
    state: "running" | "waiting" | "finished" | "failed",
    remove: readonly string[],
    fields: readonly Field[] = [],
    error = "",
  ): Promise<AdvanceReply> {
    const { id, worker, claim } = this.request;
    const set = [...this.unsaved, ...fields];
    this.unsaved = [];
    const { startedMs } = this;
    const { run } = this.request.execution;
    return this.deps.advances.save({
      worker,
      claim,
      id,
      run,
      state,
      startedMs,
      error,
      set,
      remove,
    });
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

function textsOf({ state, json }: NodeResult): { output: string; error?: string } {
  return state === "failed" ? { output: "null", error: json } : { output: json };
}

function waitField({ id }: CompiledNode, wait: NodeWait): Field {
  return [`w:${id}`, waitText(wait)];
}

function answerField({ id }: CompiledNode): string {
  return `a:${id}`;
}
