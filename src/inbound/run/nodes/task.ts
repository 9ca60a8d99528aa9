// The node `task`: a job on a list, which a user's program takes and answers. While it waits, the execution is on
// the schedule: it holds no memory and no slot.
import type { Scope } from "../../../expressions/scope.ts";
import { ValkeyFull } from "../../../valkey/connection/errors.ts";
import { retryWhileAway, type Reconnecting } from "../../../valkey/connection/retry.ts";
import type { NodeWait, TaskAnswer } from "../../../valkey/inbound/stored-execution.ts";
import type { TaskStore } from "../../../valkey/inbound/task-store.ts";
import type { CompiledNode } from "../../compile.ts";
import { expressionFailure, failure, type NodeContext, type NodeOutcome } from "./outcome.ts";

export type TaskNode = Extract<CompiledNode, { type: "task" }>;

export interface TaskDeps {
  tasks: TaskStore;
  link: Reconnecting;
}

/** What a program answered, or that it did not answer in time. */
export function answered(answer: TaskAnswer, { maxOutputBytes }: NodeContext): NodeOutcome {
  if (answer.kind === "error") return failure("task-failed", answer.message, answer.mayRetry);
  if (Buffer.byteLength(answer.json) <= maxOutputBytes) {
    return { kind: "finished", json: answer.json };
  }
  const message = `the output is larger than the ${maxOutputBytes} bytes that FLUXHOOK_MAX_OUTPUT_BYTES allows`;
  return failure("output-too-large", message);
}

export function unanswered(node: TaskNode): NodeOutcome {
  const message = `no program has answered the task ${node.task} within ${node.timeoutMs} ms`;
  return failure("task-timeout", message, true);
}

/** Returns the text of the job, or why it cannot be made. */
export function taskText(
  node: TaskNode,
  wait: NodeWait,
  scope: Scope,
  context: NodeContext & { workflowId: string; replyTo: string },
): { text: string } | NodeOutcome {
  const input = node.input?.render(scope, context.maxOutputBytes);
  if (input?.ok === false) return expressionFailure(input.problem);
  const facts = {
    id: `${context.executionId}.${node.id}.${wait.attempt}`,
    task: node.task,
    execution_id: context.executionId,
    workflow_id: context.workflowId,
    node_id: node.id,
    attempt: wait.attempt,
    deadline: new Date(wait.dueMs).toISOString(),
    reply_to: context.replyTo,
  };
  return { text: `${JSON.stringify(facts).slice(0, -1)},"input":${input?.json ?? "null"}}` };
}

/** Returns null when the job is on its list. */
export async function pushTask(
  node: TaskNode,
  text: string,
  { tasks, link }: TaskDeps,
): Promise<NodeOutcome | null> {
  try {
    if (await retryWhileAway(link, () => tasks.push(node.task, text))) return null;
  } catch (error) {
    if (error instanceof ValkeyFull) return { kind: "full" };
    throw error;
  }
  const message = `too many tasks wait for a program that takes ${node.task} (FLUXHOOK_TASKS_MAX)`;
  return failure("task-queue-full", message, true);
}
