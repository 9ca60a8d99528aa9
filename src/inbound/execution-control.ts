// What the API does with executions: lists, shows, retries and cancels them. It works over the store alone, in a
// process that runs none.
import type {
  CancelReply,
  ExecutionStore,
  ListedExecution,
  ListPosition,
  RetryReply,
} from "../valkey/inbound/execution-store.ts";
import type { LiveExecutions } from "./live-executions.ts";
import type { WorkflowStore } from "../valkey/inbound/workflow-store.ts";
import {
  EXECUTION_ID,
  type ExecutionState,
  type ExecutionSummary,
} from "../wire/workflow/execution.ts";
import { isoTime } from "../wire/timestamp.ts";

export interface ListQuery {
  workflowId: string | null;
  state: ExecutionState | null;
  after: ListPosition | null;
  limit: number;
}

/** A page that filters looks at up to this many; each is a read of a few fields. */
const MAX_LOOKS = 1_000;

export class ExecutionControl {
  constructor(
    private readonly store: ExecutionStore,
    private readonly workflows: Pick<WorkflowStore, "revision">,
    private readonly live: Pick<LiveExecutions, "isWatched" | "add">,
  ) {}

  /** Returns a page, newest first. It may have fewer than `limit` and still a `next`. */
  async list(
    query: ListQuery,
  ): Promise<{ executions: ExecutionSummary[]; next: ListPosition | null }> {
    const page = await this.store.list({ ...query, maxLooks: MAX_LOOKS });
    return { executions: page.executions.map(summaryOf), next: page.next };
  }

  /** Returns the execution with its nodes as JSON text, or null where there is none. */
  async json(id: string): Promise<string | null> {
    if (!EXECUTION_ID.test(id)) return null;
    const execution = await this.store.read(id);
    if (execution === null) return null;
    const { workflowId, revision } = execution;
    const stored = await this.workflows.revision(workflowId, revision);
    // It uses the expressions' room, which is loaded late.
    const { executionJson } = await import("./execution-json.ts");
    return executionJson(summaryOf({ ...execution, id }), execution, stored);
  }

  async cancel(id: string): Promise<CancelReply> {
    if (!EXECUTION_ID.test(id)) return "gone";
    const reply = await this.store.cancel(id);
    if (reply === "cancelled") await this.notify(id, "cancelled");
    return reply;
  }

  /** @throws ValkeyFull */
  async retry(id: string): Promise<RetryReply> {
    if (!EXECUTION_ID.test(id)) return "gone";
    const reply = await this.store.retry(id);
    if (reply === "retried") await this.notify(id, "queued");
    return reply;
  }

  /** For those that look. It is done already: what fails here changes nothing of it. */
  private async notify(id: string, state: ExecutionState): Promise<void> {
    if (!this.live.isWatched) return;
    const workflowId = await this.store.workflowOf(id).catch(() => null);
    if (workflowId !== null) this.live.add({ id, workflowId, state });
  }
}

export function summaryOf(execution: ListedExecution): ExecutionSummary {
  return {
    id: execution.id,
    workflow_id: execution.workflowId,
    revision: execution.revision,
    state: execution.state,
    mode: execution.mode,
    test: execution.isTest,
    accepted_at: isoTime(execution.acceptedMs) ?? "",
    started_at: isoTime(execution.startedMs),
    ended_at: isoTime(execution.endedMs),
    error: execution.error,
  };
}
