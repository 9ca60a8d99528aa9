// What the nodes of an execution have given, as its answer needs it.
import type { NodeResult } from "../../valkey/inbound/stored-execution.ts";
import type { NodeOutput } from "../executions.ts";

export interface NodeName {
  id: string;
  name: string;
  /** Its place in the order in which the nodes run. */
  turn: number;
}

/** `names` are all nodes, in the order of the workflow. */
export function outputsOf(
  names: readonly NodeName[],
  results: ReadonlyMap<string, NodeResult>,
): NodeOutput[] {
  return names.map(({ id, name, turn }) => {
    const result = results.get(id);
    const output = result?.state === "finished" ? result.json : "null";
    const hasRun = result !== undefined && result.state !== "skipped";
    return { id, name, output, turn: hasRun ? turn : null };
  });
}
