// Runs an execution whose nodes are all `set` and `if` before it is stored: they have no effect, so nothing has to be
// durable before they run. Such an execution enters Valkey with its end, in one script, and no worker claims it.
import type { EndedExecution } from "../../valkey/inbound/execution-store.ts";
import type { ExecutionError } from "../../wire/workflow/execution.ts";
import type { Waited } from "../executions.ts";
import { isPure } from "./nodes/pure.ts";
import type { NodeContext } from "./nodes/outcome.ts";
import { NodeResults, type ExecutionInput } from "./node-results.ts";
import { outputsOf } from "./outputs.ts";
import type { RunnableRevision } from "./revisions.ts";

/** More would hold up the event loop, while others wait to be accepted. */
const MAX_NODES = 16;
const MAX_BODY_BYTES = 16 * 1024;

export interface PureEnd {
  /** As it is stored. */
  ended: EndedExecution;
  error: ExecutionError | null;
  /** As who waits for it gets it. */
  waited(): Waited;
}

/** Whether an execution with a body of that size may run before it is stored. */
export function mayRunFirst(revision: RunnableRevision, bodyBytes: number): boolean {
  return revision.isPure && revision.nodes.length <= MAX_NODES && bodyBytes <= MAX_BODY_BYTES;
}

export function runPureNodes(
  { nodes, names }: RunnableRevision,
  input: ExecutionInput,
  context: NodeContext,
  now: () => number,
): PureEnd {
  const results = new NodeResults(input, nodes, context, now);
  let error: ExecutionError | null = null;
  for (const node of nodes) {
    if (!isPure(node) || results.skips(node)) continue;
    const failed = results.compute(node);
    if (failed === null || node.onError === "continue") continue;
    error = { node_id: node.id, code: failed.code, message: failed.message };
    break;
  }
  return {
    error,
    ended: {
      state: error === null ? "finished" : "failed",
      error: error === null ? "" : JSON.stringify(error),
      results: results.takeUnsaved(),
    },
    waited: () =>
      error === null
        ? { kind: "finished", nodes: outputsOf(names, results.all) }
        : { kind: "failed", error },
  };
}
