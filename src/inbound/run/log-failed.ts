import type { WorkerLog } from "../../log.ts";
import type { ExecutionError } from "../../wire/workflow/execution.ts";

/** Without the message: it may name a sender's data. */
export function logFailed(
  log: Pick<WorkerLog, "info">,
  executionId: string,
  { node_id, code }: ExecutionError,
): void {
  log.info({ execution_id: executionId, node_id, code }, "execution.failed");
}
