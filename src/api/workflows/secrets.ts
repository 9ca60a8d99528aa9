// The secret of a workflow: reveals it and rotates it. Only these answers and the one to its creation hold it
// (guarantee 9).
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { MAX_SECRETS } from "../../control/rotate-secret.ts";
import { workflowSecretSchema } from "../../wire/workflow/trigger.ts";
import { apiOnly } from "../auth/authenticate.ts";
import type { ApiDeps } from "../deps.ts";
import { jsonBody, optionalBody, SMALL_BODY_BYTES } from "../http/body.ts";
import { json, jsonInput, problems, type Api } from "../http/openapi.ts";
import { noSuchWorkflow, unreadable, workflowParam } from "./workflows.ts";

const tags = ["workflows"];
const HOUR_MS = 3_600_000;
const MAX_GRACE_HOURS = 168;

const rotateSchema = z
  .strictObject({
    grace_hours: z
      .number()
      .min(0)
      .max(MAX_GRACE_HOURS)
      .default(24)
      .describe("how long earlier secrets are still accepted; 0: they end at once"),
    secret: workflowSecretSchema.optional(),
  })
  .meta({ id: "WorkflowSecretRotate" });

const rotatedSchema = z
  .object({
    secret: z.string().describe("accepted from now on"),
    previous_expires_at: z
      .string()
      .nullable()
      .describe("until when the previous secret is accepted too; null if none is left"),
  })
  .meta({ id: "WorkflowSecretRotated" });

export function addWorkflowSecrets(api: Api, { stores }: ApiDeps): void {
  const { workflows } = stores;

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/workflows/{id}/secret",
      summary: "Reveal the secret of a workflow",
      tags,
      middleware: [apiOnly],
      request: { params: workflowParam },
      responses: {
        200: json(
          z.object({
            secret: z.string(),
            verify_token: z.string().nullable().describe("of the scheme `meta`"),
          }),
          "the newest secret",
        ),
        ...problems(401, 404, 409, 500, 503),
      },
    }),
    async (c) => {
      const record = await workflows.get(c.req.valid("param").id);
      if (record === null) return noSuchWorkflow(c);
      const secret = record.secrets[0]?.secret;
      if (secret === undefined) return unreadable(c);
      const { verify_token = null } = record.trigger.verification;
      return c.json({ secret, verify_token }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/workflows/{id}/rotate-secret",
      summary: "Replace the secret of a workflow; for a while both are accepted",
      description: `At most ${MAX_SECRETS} secrets are accepted: another rotation during the grace period drops the oldest.`,
      tags,
      middleware: [apiOnly, optionalBody, jsonBody(SMALL_BODY_BYTES)],
      request: {
        params: workflowParam,
        body: { ...jsonInput(rotateSchema), required: false },
      },
      responses: {
        200: json(rotatedSchema, "the secret that is accepted from now on"),
        ...problems(400, 401, 404, 409, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const { grace_hours, secret } = c.req.valid("json");
      const graceMs = grace_hours * HOUR_MS;
      const result = await workflows.rotate(c.req.valid("param").id, { secret, graceMs });
      if (result.updated === null) {
        return result.why === "missing" ? noSuchWorkflow(c) : unreadable(c);
      }
      const [newest, previous] = result.updated.secrets;
      const previousExpiresAt = previous?.expires_at ?? null;
      return c.json({ secret: newest?.secret ?? "", previous_expires_at: previousExpiresAt }, 200);
    },
  );
}
