// What `GET /v1/stream` sends of executions of workflows (docs/stream.md), and what processes publish for it on
// `fluxhook:live`. A replica of an earlier version finds no attempt in such a message, and shows nothing of it.
import { z } from "zod";
import { EXECUTION_STATES } from "./workflow/execution.ts";

export const liveExecutionSchema = z
  .object({
    id: z.string().describe("`exec-…`"),
    workflow_id: z.string(),
    state: z.enum(EXECUTION_STATES),
    node_id: z
      .string()
      .nullable()
      .describe("the node whose request begins now; null where something was stored or has ended"),
    timestamp: z.string().describe("RFC 3339"),
  })
  .describe("an execution has changed: `GET /v1/executions/{id}` has it in full")
  .meta({ id: "LiveExecution" });

export type LiveExecution = z.infer<typeof liveExecutionSchema>;

/** The executions that changed in one process within a tenth of a second, each once. */
export interface LiveExecutions {
  executions: readonly LiveExecution[];
  /** So many more have changed. */
  missed: number;
}

const FIRST = '{"executions":';

export function isExecutionsText(text: string): boolean {
  return text.startsWith(FIRST);
}

export function executionsText({ executions, missed }: LiveExecutions): string {
  return `${FIRST}${JSON.stringify(executions)},"missed":${missed}}`;
}

/** Any program may publish on the channel: what is no execution is left out. */
export function readExecutions(text: string): LiveExecutions {
  let value: { executions?: unknown; missed?: unknown };
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return { executions: [], missed: 0 };
  }
  const { executions, missed } = value;
  return {
    executions: Array.isArray(executions)
      ? executions.flatMap((one) => liveExecutionSchema.safeParse(one).data ?? [])
      : [],
    missed: typeof missed === "number" && missed > 0 && Number.isSafeInteger(missed) ? missed : 0,
  };
}
