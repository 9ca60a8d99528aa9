// What the nodes of an execution have given, as its answer needs it.
import type { NodeResult } from "../../valkey/inbound/stored-execution.ts";
import type { NodeOutput } from "../executions.ts";

/** `names` are all nodes, in the order of the workflow. */
export function outputsOf(
  names: readonly { id: string; name: string }[],
  results: ReadonlyMap<string, NodeResult>,
): NodeOutput[] {
  return names.map(({ id, name }) => {
    const result = results.get(id);
    const output = result?.state === "finished" ? result.json : "null";
    return { id, name, output, ran: result !== undefined && result.state !== "skipped" };
  });
}
