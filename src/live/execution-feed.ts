// The executions of workflows, as processes publish what has changed. What a viewer missed is read from the API, which
// has every execution: nothing is kept here.
import { readExecutions, type LiveExecution } from "../wire/live-execution.ts";
import { eventText, type LiveFilter } from "./server-sent.ts";
import { broadcast, type Viewer } from "./viewer.ts";

const SKIPPED = eventText("skipped", { message: "more executions have changed than are shown" });

export class ExecutionFeed {
  readonly viewers = new Set<Viewer>();
  private hasSkipped = false;

  receive(text: string): void {
    const { executions, missed } = readExecutions(text);
    this.hasSkipped ||= missed > 0;
    broadcast(this.viewers, executions, isOfWorkflow, executionsAsEvents);
  }

  /** Says that changes are missing, at most once a second. */
  endSecond(): void {
    if (this.hasSkipped) for (const viewer of this.viewers) viewer.sendText(SKIPPED);
    this.hasSkipped = false;
  }
}

function isOfWorkflow({ workflow_id }: LiveExecution, { workflowId }: LiveFilter): boolean {
  return workflowId === undefined || workflow_id === workflowId;
}

function executionsAsEvents(executions: readonly LiveExecution[]): string {
  return executions.map((one) => eventText("execution", one)).join("");
}
