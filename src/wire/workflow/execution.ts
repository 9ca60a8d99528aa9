// An execution as the API returns it: one run of a workflow, node by node.
import { z } from "zod";
import { NODE_TYPES } from "./node.ts";
import { RESPONSE_MODES } from "./trigger.ts";

export const EXECUTION_ID = /^exec-[a-z2-7]{26}$/;

export const EXECUTION_STATES = [
  "queued",
  "running",
  "waiting",
  "finished",
  "failed",
  "cancelled",
] as const;
export type ExecutionState = (typeof EXECUTION_STATES)[number];
export const ENDED_STATES: ReadonlySet<ExecutionState> = new Set([
  "finished",
  "failed",
  "cancelled",
]);

export const NODE_STATES = ["pending", "waiting", "finished", "failed", "skipped"] as const;
export type NodeState = (typeof NODE_STATES)[number];

const time = z.string().nullable().describe("RFC 3339; null where it has not happened");

const executionErrorSchema = z.object({
  node_id: z.string().nullable().describe("null where no node is at fault"),
  code: z.string(),
  message: z.string(),
});
export type ExecutionError = z.infer<typeof executionErrorSchema>;

/** One of a list. */
export const executionSummarySchema = z
  .object({
    id: z.string().describe("`exec-…`"),
    workflow_id: z.string(),
    revision: z.int(),
    state: z.enum(EXECUTION_STATES),
    mode: z.enum(RESPONSE_MODES),
    test: z.boolean().describe("started by POST /v1/workflows/{id}/test"),
    accepted_at: z.string().describe("RFC 3339"),
    started_at: time,
    ended_at: time,
    error: executionErrorSchema.nullable(),
  })
  .meta({ id: "ExecutionSummary" });
export type ExecutionSummary = z.infer<typeof executionSummarySchema>;

export const executionNodeSchema = z.object({
  id: z.string(),
  name: z.string(),
  type: z.enum(NODE_TYPES),
  state: z.enum(NODE_STATES),
  attempts: z.int(),
  started_at: time,
  duration_ms: z.number().nullable(),
  output: z.unknown().describe("null unless it has finished"),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

export const executionSchema = executionSummarySchema
  .extend({
    trigger: z.object({
      data: z.unknown().describe("the body, with the query in it as `_query`"),
      query: z.record(z.string(), z.unknown()),
      headers: z.record(z.string(), z.string()),
    }),
    nodes: z.array(executionNodeSchema).describe("in the order of the workflow"),
  })
  .meta({ id: "Execution" });
export type Execution = z.infer<typeof executionSchema>;
