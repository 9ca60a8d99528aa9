// The nodes of a workflow. Their texts are templates (docs/expressions.md), which src/inbound/compile.ts
// compiles; here only their form is checked.
import { z } from "zod";
import { boundedText } from "../bounded-text.ts";
import { durationSchema } from "../duration.ts";

export const MAX_NODES = 100;
export const MIN_HTTP_TIMEOUT_MS = 100;
export const MAX_HTTP_TIMEOUT_MS = 60_000;
/** A task may wait for a person. */
export const MAX_TASK_TIMEOUT_MS = 7 * 86_400_000;
export const MAX_NODE_ATTEMPTS = 10;
const MAX_TEXT_CHARACTERS = 8_192;
const MAX_HEADERS = 50;

/** Begins with a letter or `_`: `nodes.1.output` is no CEL, and objects order names like `1` by themselves. */
export const NODE_ID = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;
/** Part of a key in Valkey: `fluxhook:tasks:<name>`. */
export const TASK_NAME = /^[A-Za-z0-9_.-]{1,128}$/;
/** RFC 9110 §5.6.2: token. */
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/;

const NODE_ID_ACCEPTED = "a letter or _ and up to 63 more of A-Z a-z 0-9 _ -";

export const nodeIdSchema = z
  .string({ error: `must be ${NODE_ID_ACCEPTED}` })
  .regex(NODE_ID, { error: `must be ${NODE_ID_ACCEPTED}` })
  .meta({ example: "resize" });

const text = (what: string) =>
  boundedText(MAX_TEXT_CHARACTERS, `must be a string with ${what}`)
    .refine((value) => value !== "", { error: "must not be empty" })
    .meta({ minLength: 1 });

/** Any JSON. The texts in it that have `{{ }}` are templates. */
const template = z.unknown().refine((value) => value !== undefined, { error: "is required" });

const retrySchema = z
  .strictObject({
    attempts: z
      .int({ error: `must be a whole number from 1 to ${MAX_NODE_ATTEMPTS}` })
      .min(1)
      .max(MAX_NODE_ATTEMPTS)
      .describe("how often the node is tried in all"),
    delay: durationSchema({ minMs: 100, maxMs: 86_400_000 })
      .default("1s")
      .describe("before the second attempt; it doubles with each further one"),
  })
  .describe("1 attempt if missing; 3 for a task");

const shared = {
  id: nodeIdSchema.describe("unique in the workflow; `nodes.<id>.output` is what the node gave"),
  name: boundedText(200, "must be a string")
    .refine((value) => value !== "", { error: "must not be empty" })
    .meta({ minLength: 1 })
    .optional()
    .describe("for people; the id if missing"),
  after: z
    .array(nodeIdSchema, { error: "must be an array of node ids" })
    .max(MAX_NODES)
    .optional()
    .describe("the nodes that come before it; the node above it if missing, none for `[]`"),
  retry: retrySchema.optional(),
  on_error: z
    .enum(["stop", "continue"])
    .optional()
    .describe("`stop`, the default: the execution fails; `continue`: `nodes.<id>.error` says why"),
};

export const HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

const setNode = z
  .strictObject({ ...shared, type: z.literal("set"), value: template })
  .describe("gives a value");

const httpNode = z
  .strictObject({
    ...shared,
    type: z.literal("http"),
    method: z.enum(HTTP_METHODS).default("GET"),
    url: text("an http or https URL").describe(
      "what is inserted behind the host is percent-encoded",
    ),
    headers: z
      .record(z.string().regex(HEADER_NAME, { error: "is not a header name" }), text("a value"), {
        error: "must be an object of header names and text values",
      })
      .refine((headers) => Object.keys(headers).length <= MAX_HEADERS, {
        error: `must have at most ${MAX_HEADERS} headers`,
      })
      .optional(),
    body: template.optional().describe("sent as JSON, or, if it is a text, as that text"),
    timeout_ms: z.int().min(MIN_HTTP_TIMEOUT_MS).max(MAX_HTTP_TIMEOUT_MS).default(10_000),
    fail_on_status: z
      .boolean()
      .default(true)
      .describe("whether a status of 400 and above fails it"),
  })
  .describe("sends a request; gives `status`, `headers` and `body`");

const eventNode = z
  .strictObject({
    ...shared,
    type: z.literal("event"),
    user_id: text("the id of a user").optional(),
    org_id: text("the id of an organisation").optional(),
    event: text("an event type"),
    data: template,
  })
  .refine((node) => node.user_id !== undefined || node.org_id !== undefined, {
    error: "or org_id is required",
    path: ["user_id"],
  })
  .describe("pushes an event, which Fluxhook delivers to the owner's webhooks");

const taskNode = z
  .strictObject({
    ...shared,
    type: z.literal("task"),
    task: z
      .string()
      .regex(TASK_NAME, { error: "must be 1 to 128 characters of A-Z a-z 0-9 _ . -" })
      .describe("your worker takes it from the list `fluxhook:tasks:<task>`"),
    input: template.optional(),
    timeout_ms: z.int().min(MIN_HTTP_TIMEOUT_MS).max(MAX_TASK_TIMEOUT_MS).default(30_000),
  })
  .describe("waits for your own code");

const ifNode = z
  .strictObject({ ...shared, type: z.literal("if"), condition: text("a condition") })
  .describe("the nodes after it run only if the condition is true; gives `passed`");

export const NODE_TYPES = ["set", "http", "event", "task", "if"] as const;
export type NodeType = (typeof NODE_TYPES)[number];

export const nodeSchema = z
  .discriminatedUnion("type", [setNode, httpNode, eventNode, taskNode, ifNode], {
    error: `must be one of ${NODE_TYPES.join(", ")}`,
  })
  .meta({ id: "WorkflowNode" });
export type WorkflowNode = z.infer<typeof nodeSchema>;
