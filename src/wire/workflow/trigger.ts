// The trigger of a workflow: how a request is verified, and what it is answered with.
import { z } from "zod";
import { boundedText } from "../bounded-text.ts";
import { checkResponseHeaders } from "./response-headers.ts";
import { nodeIdSchema } from "./node.ts";

export const SCHEMES = [
  "fluxhook",
  "github",
  "meta",
  "slack",
  "stripe",
  "shopify",
  "standard",
  "twilio",
] as const;

export const RESPONSE_MODES = ["minimal", "lastNode", "specificNode", "allNodes"] as const;
export type ResponseMode = (typeof RESPONSE_MODES)[number];

export const MIN_RESPONSE_TIMEOUT_MS = 1_000;
/** Bun closes a connection that is silent for 255 s, whatever it is asked for. */
export const MAX_RESPONSE_TIMEOUT_MS = 240_000;
export const MAX_WORKFLOW_CONCURRENCY = 1_024;

const WORKFLOW_SECRET = /^[!-~][ -~]{6,126}[!-~]$/;

const SECRET_ACCEPTED =
  "must be 8 to 128 printable ASCII characters, without a space at either end";

/** Returns what is wrong with a workflow's secret, or null. */
export function checkWorkflowSecret(text: string): string | null {
  return WORKFLOW_SECRET.test(text) ? null : SECRET_ACCEPTED;
}

/** Shorter than a webhook's: many senders accept only what the user types in. */
export const workflowSecretSchema = z
  .string({ error: "must be a string" })
  .regex(WORKFLOW_SECRET, { error: SECRET_ACCEPTED })
  .describe("8 to 128 printable characters; generated if missing")
  .meta({ example: "your-secret" });

const verificationSchema = z
  .strictObject({
    scheme: z
      .enum(SCHEMES)
      .default("fluxhook")
      .describe(
        "how the sender signs; `fluxhook`: hex HMAC-SHA256 of the body in `X-Webhook-Signature`",
      ),
    verify_token: workflowSecretSchema
      .optional()
      .describe(
        "`meta` only: answers `hub.challenge` where `hub.verify_token` is this; never shown",
      ),
  })
  .prefault({});

const responseSchema = z
  .strictObject({
    mode: z
      .enum(RESPONSE_MODES)
      .default("minimal")
      .describe("`minimal` answers at once; the others wait until the workflow has ended"),
    node_id: nodeIdSchema.optional().describe("required by `specificNode`, and only there"),
    status: z
      .int({ error: "must be a status from 200 to 599" })
      .min(200)
      .max(599)
      .default(200)
      .describe("of the answer in every mode, where the workflow did not fail"),
    headers: z
      .record(z.string(), z.string(), {
        error: "must be an object of header names and text values",
      })
      .superRefine((headers, context) => {
        for (const { name, message } of checkResponseHeaders(headers)) {
          context.addIssue({ code: "custom", message, path: [name] });
        }
      })
      .default({}),
    timeout_ms: z
      .int()
      .min(MIN_RESPONSE_TIMEOUT_MS)
      .max(MAX_RESPONSE_TIMEOUT_MS)
      .default(30_000)
      .describe("how long it waits before it answers 504; the workflow goes on"),
  })
  .superRefine((response, context) => {
    const needsNode = response.mode === "specificNode";
    if (needsNode === (response.node_id !== undefined)) return;
    const message = needsNode
      ? "is required by specificNode: the id of the node that answers"
      : `is only for specificNode, and the mode is ${response.mode}`;
    context.addIssue({ code: "custom", message, path: ["node_id"] });
  })
  .prefault({});

/** What can be set at any time; the secret has routes of its own. */
export const triggerSchema = z
  .strictObject({
    verification: verificationSchema,
    accepts: z
      .array(z.enum(["json", "form"]), { error: 'must be an array of "json" and "form"' })
      .min(1)
      .max(2)
      .refine((all) => new Set(all).size === all.length, { error: "must not name a type twice" })
      .meta({ uniqueItems: true })
      .default(["json"])
      .describe("content types; `form` is implied by `slack` and `twilio`"),
    replay: z
      .boolean()
      .default(false)
      .describe(
        "`fluxhook` only: signs `<X-Webhook-Id>.<X-Webhook-Timestamp>.<body>`, and refuses what is older than 5 minutes",
      ),
    idempotency: boundedText(1_000, "must be a string with an expression, or null")
      .nullable()
      .default(null)
      .describe("an expression over `trigger` whose value recognises a repeated request"),
    concurrency: z
      .int()
      .min(1)
      .max(MAX_WORKFLOW_CONCURRENCY)
      .default(64)
      .describe("executions of this workflow that run at once, on each replica"),
    rate_limit: z
      .strictObject({ per_second: z.number().min(0.01).max(100_000) })
      .nullable()
      .default(null)
      .describe("verified requests that each replica accepts; beyond that it answers 429"),
    response: responseSchema,
  })
  .superRefine((trigger, context) => {
    const { scheme, verify_token } = trigger.verification;
    if (trigger.replay && scheme !== "fluxhook") {
      const message = `is only for the scheme fluxhook; ${scheme} has its own rule`;
      context.addIssue({ code: "custom", message, path: ["replay"] });
    }
    if (verify_token !== undefined && scheme !== "meta") {
      const message = `is only for the scheme meta, and the scheme is ${scheme}`;
      context.addIssue({ code: "custom", message, path: ["verification", "verify_token"] });
    }
  });
export type Trigger = z.infer<typeof triggerSchema>;
