// The states in which an execution changes no more.
import type { ExecutionState } from "../../../wire/workflow/execution.ts";

export const ENDED: readonly ExecutionState[] = ["finished", "failed", "cancelled"];
