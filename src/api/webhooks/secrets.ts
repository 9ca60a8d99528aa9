// The secret of a webhook: reveals it and rotates it. Only these answers and the one to its creation hold a
// secret (guarantee 9).
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { MAX_SECRETS } from "../../control/rotate-secret.ts";
import { RECORD_UNREADABLE } from "../../valkey/webhooks/sealed-webhook.ts";
import { secretSchema, type WebhookRecord } from "../../wire/webhook.ts";
import { jsonBody, optionalBody, SMALL_BODY_BYTES } from "../http/body.ts";
import type { ApiDeps } from "../deps.ts";
import type { ApiEnv } from "../http/env.ts";
import { noteForAudit } from "../auth/audit.ts";
import { json, jsonInput, problems, type Api } from "../http/openapi.ts";
import { findWebhook, noSuchWebhook, webhookIdParam } from "./find.ts";
import { problem } from "../http/problem.ts";

const tags = ["webhooks"];

const HOUR_MS = 3_600_000;
const MAX_GRACE_HOURS = 168;

const rotateSchema = z
  .strictObject({
    grace_hours: z
      .number()
      .min(0)
      .max(MAX_GRACE_HOURS)
      .default(24)
      .describe("how long earlier secrets still sign; 0: they end at once"),
    secret: secretSchema.optional().describe("generated if missing: `whsec_` + base64 of 32 bytes"),
  })
  .meta({ id: "SecretRotate" });

const rotatedSchema = z
  .object({
    secret: z.string().describe("signs from now on"),
    previous_expires_at: z
      .string()
      .nullable()
      .describe("until when the previous secret also signs; null if none is left"),
  })
  .meta({ id: "SecretRotated" });

export function addWebhookSecrets(api: Api, { stores }: ApiDeps): void {
  const { webhooks } = stores;
  const find = (c: Context<ApiEnv>, id: string) => findWebhook(c, webhooks, id);

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/webhooks/{id}/secret",
      summary: "Reveal the secret",
      tags,
      request: { params: webhookIdParam },
      responses: {
        200: json(z.object({ secret: z.string() }), "the newest secret"),
        ...problems(401, 404, 409, 500, 503),
      },
    }),
    async (c) => {
      const record = await find(c, c.req.valid("param").id);
      if (!record) return noSuchWebhook(c);
      const secret = record.secrets[0]?.secret;
      return secret === undefined ? unreadable(c, record) : c.json({ secret }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/webhooks/{id}/rotate-secret",
      summary: "Replace the secret; for a while both sign",
      description:
        "During the grace period `webhook-signature` carries a signature by each secret; the dialect's " +
        `own header signs with the new one. At most ${MAX_SECRETS} secrets sign: another rotation during ` +
        "the grace period drops the oldest, and never prolongs the grace of an earlier secret.",
      tags,
      middleware: [optionalBody, jsonBody(SMALL_BODY_BYTES)],
      request: { params: webhookIdParam, body: { ...jsonInput(rotateSchema), required: false } },
      responses: {
        200: json(rotatedSchema, "the secret that signs from now on"),
        ...problems(400, 401, 404, 409, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const { grace_hours, secret } = c.req.valid("json");
      const record = await find(c, c.req.valid("param").id);
      if (!record) return noSuchWebhook(c);
      noteForAudit(c, { details: { grace_hours } });
      const graceMs = grace_hours * HOUR_MS;
      const result = await webhooks.rotate(record.id, { secret, graceMs });
      if (result.updated === null && result.why === "unreadable") return recordUnreadable(c);
      const [newest, previous] = result.updated?.secrets ?? [];
      // It was deleted after it was found.
      if (!newest) return noSuchWebhook(c);
      const previousExpiresAt = previous?.expires_at ?? null;
      return c.json({ secret: newest.secret, previous_expires_at: previousExpiresAt }, 200);
    },
  );
}

/** The request is right, and repeating it does not help: the operator has to act. */
export function unreadable(c: Context<ApiEnv>, { disabled_reason }: WebhookRecord) {
  if (disabled_reason === RECORD_UNREADABLE) return recordUnreadable(c);
  return problem(
    c,
    "unreadable",
    "the secret cannot be opened: FLUXHOOK_SECRET_KEY does not hold the key that sealed it; " +
      "add that key, or rotate the secret",
  );
}

export function recordUnreadable(c: Context<ApiEnv>) {
  return problem(
    c,
    "unreadable",
    "the webhook's record was damaged in Valkey; restore it from a backup, or delete the webhook and create it again",
  );
}
