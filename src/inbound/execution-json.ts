// Writes an execution as the API answers it. Bodies and outputs are put in as they were written: a large integer
// stays itself.
import { withQuery } from "../expressions/workflow-scope.ts";
import type { StoredExecution } from "../valkey/inbound/stored-execution.ts";
import { isoTime } from "../wire/timestamp.ts";
import type { ExecutionSummary } from "../wire/workflow/execution.ts";
import type { NodeType } from "../wire/workflow/node.ts";
import type { WorkflowRevision } from "../wire/workflow/workflow.ts";

/** `revision` is null where it is no longer stored: then only the nodes that have ended are known. */
export function executionJson(
  summary: ExecutionSummary,
  execution: StoredExecution,
  revision: WorkflowRevision | null,
): string {
  const known = revision?.nodes ?? [...execution.results.keys()].map((id) => ({ id, name: id }));
  const nodes = known.map((node) => nodeJson(node, execution));
  const { body, query, headers } = execution;
  const data = withQuery(body, query);
  const trigger = `{"data":${data},"query":${query ?? "{}"},"headers":${headers}}`;
  const head = JSON.stringify(summary).slice(0, -1);
  return `${head},"trigger":${trigger},"nodes":[${nodes.join(",")}]}`;
}

function nodeJson(
  node: { id: string; name?: string; type?: NodeType },
  { results, waits }: StoredExecution,
): string {
  const result = results.get(node.id);
  const wait = waits.get(node.id);
  const head = {
    id: node.id,
    name: node.name ?? node.id,
    type: node.type ?? "set",
    state: result?.state ?? (wait === undefined ? "pending" : "waiting"),
    attempts: result?.attempts ?? wait?.attempt ?? 0,
    started_at: isoTime(result?.startedMs ?? wait?.startedMs ?? null),
    duration_ms: result?.durationMs ?? null,
  };
  const output = result?.state === "finished" ? result.json : "null";
  const error = result?.state === "failed" ? result.json : "null";
  return `${JSON.stringify(head).slice(0, -1)},"output":${output},"error":${error}}`;
}
