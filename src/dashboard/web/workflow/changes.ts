// Which executions of a workflow have changed, from the stream. The page reads those that it shows again; while the
// stream is away it looks by itself.
import { useRef, useState } from "preact/hooks";
import type { LiveExecution } from "../../../wire/live-execution.ts";
import type { Execution, ExecutionState, NodeState } from "../../../wire/workflow/execution.ts";
import { useStream } from "../live.ts";
import { ENDED } from "./ended.ts";

export interface Changes {
  /** While it is false, nothing is reported: look every so often. */
  isLive: boolean;
  /** The node whose request is under way, by execution, as far as it is known. */
  begun: ReadonlyMap<string, string>;
}

/** `onChange`: null where any execution may have changed. */
export function useChanges(workflowId: string, onChange: (id: string | null) => void): Changes {
  const [begun, setBegun] = useState<ReadonlyMap<string, string>>(new Map());
  const latest = useRef(onChange);
  latest.current = onChange;
  const search = `executions=true&workflow_id=${encodeURIComponent(workflowId)}`;
  const { mode } = useStream(search, (event, data) => {
    // Every other event says that something was missed, or may have been.
    if (event !== "execution") return latest.current(null);
    const { id, node_id } = data as LiveExecution;
    setBegun((before) => withNode(before, id, node_id));
    latest.current(id);
  });
  return { isLive: mode === "live" || mode === "asking", begun };
}

const MAX_BEGUN = 100;

function withNode(
  before: ReadonlyMap<string, string>,
  id: string,
  node: string | null,
): ReadonlyMap<string, string> {
  if (node === null && !before.has(id)) return before;
  const next = new Map([...before].slice(-MAX_BEGUN));
  if (node === null) next.delete(id);
  else next.set(id, node);
  return next;
}

export type ShownNodeState = NodeState | Extract<ExecutionState, "running">;

/** A node as the page shows it: Valkey stores a node when it has ended, so the API calls one that runs `pending`. */
export type ShownNode = Omit<Execution["nodes"][number], "state"> & { state: ShownNodeState };
export type ShownExecution = Omit<Execution, "nodes"> & { nodes: ShownNode[] };

export function withBegun(execution: Execution, nodeId: string | undefined): ShownExecution {
  if (nodeId === undefined || ENDED.includes(execution.state)) return execution;
  const nodes = execution.nodes.map((node) =>
    node.id === nodeId && node.state !== "finished" && node.state !== "failed"
      ? { ...node, state: "running" as const }
      : node,
  );
  return { ...execution, nodes };
}
