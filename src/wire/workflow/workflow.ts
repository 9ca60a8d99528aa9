// A workflow: what a signed request to /api/webhooks/<id> starts. One schema for the API's input and answers,
// and for the store.
import { z } from "zod";
import { boundedText } from "../bounded-text.ts";
import { MAX_NODES, nodeSchema } from "./node.ts";
import { triggerSchema, workflowSecretSchema } from "./trigger.ts";

/** Of the definition as JSON. */
export const MAX_WORKFLOW_BYTES = 256 * 1024;
export const WORKFLOW_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

const WORKFLOW_ID_ACCEPTED = "a letter or digit and up to 63 more of A-Z a-z 0-9 _ -";

export const workflowIdSchema = z
  .string({ error: `must be ${WORKFLOW_ID_ACCEPTED}` })
  .regex(WORKFLOW_ID, { error: `must be ${WORKFLOW_ID_ACCEPTED}` })
  .meta({ example: "orders" });

const name = boundedText(200, "must be a string")
  .refine((text) => text !== "", { error: "must not be empty" })
  .meta({ minLength: 1 });

const nodes = z
  .array(nodeSchema, { error: "must be an array of nodes" })
  .min(1, { error: "must have at least one node" })
  .max(MAX_NODES, { error: `must have at most ${MAX_NODES} nodes` });

const definition = {
  name,
  trigger: triggerSchema.prefault({}),
  nodes,
};

/** The whole document of a workflow, as PUT replaces it. */
export const workflowInputSchema = z
  .strictObject({
    ...definition,
    enabled: z
      .boolean()
      .optional()
      .describe("stays as it is if missing, so that no change of the document enables a workflow"),
  })
  .meta({ id: "WorkflowInput" });
export type WorkflowInput = z.infer<typeof workflowInputSchema>;

export const workflowCreateSchema = z
  .strictObject({
    ...definition,
    enabled: z.boolean().default(true),
    id: workflowIdSchema.optional().describe("part of its URL; generated if missing: `wf_…`"),
    trigger: triggerSchema.safeExtend({ secret: workflowSecretSchema.optional() }).prefault({}),
  })
  .meta({ id: "WorkflowCreate" });
export type WorkflowCreate = z.infer<typeof workflowCreateSchema>;

/** A JSON Merge Patch (RFC 7396) of the document; the result is checked as a whole. */
export const workflowPatchSchema = z
  .strictObject({
    name: name.optional(),
    enabled: z.boolean().optional(),
    trigger: z
      .record(z.string(), z.unknown())
      .optional()
      .describe("fields that it leaves out do not change; null sets one to its default"),
    nodes: z.array(z.unknown()).optional().describe("replaces all nodes"),
  })
  .refine((patch) => Object.keys(patch).length > 0, { error: "must change at least one field" })
  .meta({ id: "WorkflowPatch", minProperties: 1 });
export type WorkflowPatch = z.infer<typeof workflowPatchSchema>;

/** What Valkey stores of a workflow, with its secrets. */
export interface WorkflowRecord extends WorkflowInput {
  id: string;
  enabled: boolean;
  /** Counts the changes of what an execution uses. An execution keeps the one that it began with. */
  revision: number;
  created_at: string;
  updated_at: string;
  /** Newest first; more than one only during the grace period of a rotation; none if unreadable. */
  secrets: { secret: string; expires_at: string | null }[];
}

/** What an execution needs of its workflow, stored once for each revision. It has no secret. */
export interface WorkflowRevision {
  workflow_id: string;
  revision: number;
  name: string;
  concurrency: number;
  nodes: WorkflowInput["nodes"];
}

/** A workflow as the API returns it: without its secrets. */
export const workflowSchema = z
  .object({
    id: workflowIdSchema,
    ...definition,
    enabled: z.boolean(),
    revision: z.int().describe("raised by each change of the trigger or the nodes"),
    created_at: z.string().describe("RFC 3339"),
    updated_at: z.string().describe("RFC 3339"),
    url: z.string().describe("where the sender posts to"),
  })
  .meta({ id: "Workflow" });
export type Workflow = z.infer<typeof workflowSchema>;
