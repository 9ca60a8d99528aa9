// What no schema can check of a workflow: its nodes and expressions are compiled. Loaded where it is needed: the
// expression engine takes 12 MB.
import type { WorkflowFault } from "../control/workflows.ts";
import type { WorkflowInput } from "../wire/workflow/workflow.ts";
import { compileIdempotency, compileNodes, faultOf } from "./compile.ts";

export function checkWorkflow(
  { trigger, nodes }: WorkflowInput,
  { hasPublicUrl }: { hasPublicUrl: boolean },
): WorkflowFault[] {
  const compiled = compileNodes(nodes);
  const faults = compiled.ok ? [] : [...compiled.faults];
  if (trigger.idempotency !== null) {
    const expression = compileIdempotency(trigger.idempotency);
    if (!expression.ok) faults.push(...expression.problems.map(faultOf));
  }
  if (trigger.verification.scheme === "twilio" && !hasPublicUrl) {
    const message = "Twilio signs the URL that it calls: set FLUXHOOK_PUBLIC_URL first";
    faults.push({ field: "trigger.verification.scheme", code: "needs-public-url", message });
  }
  return faults;
}
