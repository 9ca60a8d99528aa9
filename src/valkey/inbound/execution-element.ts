// The element of an execution on its list, `<id> <workflow>:<revision> <run>`: what decides where it runs, before
// its hash is read. The scripts execution-accept.lua and execution-retry.lua write it. A later version may write more
// behind it.

export interface ExecutionElement {
  executionId: string;
  workflowId: string;
  revision: number;
  /** Counts how often the execution was begun: a claim of an earlier run is over. */
  run: number;
}

const FORM = /^(exec-[a-z2-7]{26}) ([A-Za-z0-9_-]{1,64}):(\d{1,15}) (\d{1,9})(?: .*)?$/;

/** Returns null if it is not one: other programs can write the list. */
export function readExecutionElement(bytes: Buffer | null): ExecutionElement | null {
  const [, executionId, workflowId, revision, run] = FORM.exec(bytes?.toString() ?? "") ?? [];
  if (executionId === undefined || workflowId === undefined) return null;
  return { executionId, workflowId, revision: Number(revision), run: Number(run) };
}
