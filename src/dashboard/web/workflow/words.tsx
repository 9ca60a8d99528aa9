// States and modes of workflows in words: a shape and a word, never a colour alone.
import {
  CircleCheck,
  CircleDashed,
  CircleOff,
  CirclePlay,
  TriangleAlert,
  type IconNode,
} from "lucide";
import type { ExecutionState, NodeState } from "../../../wire/workflow/execution.ts";
import type { ResponseMode } from "../../../wire/workflow/trigger.ts";
import { Icon } from "../part/icon.tsx";

export const MODE_TITLES: Readonly<Record<ResponseMode, string>> = {
  minimal: "at once, with its id",
  lastNode: "with the last node",
  specificNode: "with one node",
  allNodes: "with all nodes",
};

export function Enabled({ enabled }: { enabled: boolean }) {
  return (
    <span class={enabled ? "badge ok" : "badge off"}>
      <Icon of={enabled ? CircleCheck : CircleOff} />
      {enabled ? "Enabled" : "Disabled"}
    </span>
  );
}

type RunState = ExecutionState | NodeState;

const LOOKS: Readonly<Record<RunState, readonly [tone: string, icon: IconNode]>> = {
  queued: ["off", CircleDashed],
  pending: ["off", CircleDashed],
  skipped: ["off", CircleOff],
  running: ["busy", CirclePlay],
  waiting: ["busy", CircleDashed],
  finished: ["ok", CircleCheck],
  failed: ["bad", TriangleAlert],
  cancelled: ["off", CircleOff],
};

export function RunBadge({ state }: { state: RunState }) {
  const [tone, icon] = LOOKS[state];
  return (
    <span class={`badge ${tone}`} data-state={state}>
      <Icon of={icon} />
      {state}
    </span>
  );
}
