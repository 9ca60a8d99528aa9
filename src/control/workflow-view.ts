// What the API shows of a workflow: no secret and no verify token (guarantee 9).
import type { WorkflowInput, WorkflowRecord } from "../wire/workflow/workflow.ts";

export type ShownWorkflow = Omit<WorkflowRecord, "secrets"> & { url: string };

export function shownWorkflow(record: WorkflowRecord, url: string): ShownWorkflow {
  const { secrets: _secrets, ...rest } = record;
  return { ...rest, trigger: withoutSecret(record).trigger, url };
}

export function withoutSecret<Document extends Pick<WorkflowInput, "trigger">>(
  document: Document,
): Document {
  const { verify_token: _token, ...verification } = document.trigger.verification;
  return { ...document, trigger: { ...document.trigger, verification } };
}

/** Where the sender of a workflow posts to. */
export function workflowUrl(origin: string, id: string): string {
  return `${origin.replace(/\/+$/, "")}/api/webhooks/${id}`;
}
