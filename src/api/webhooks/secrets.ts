// The secret of a webhook: reveal it, rotate it. With creation the only answers that hold a secret
// (guarantee 9).
import { createRoute } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { z } from "zod";
import { RECORD_UNREADABLE } from "../../valkey/webhooks/sealed-webhook.ts";
import { makeSecret } from "../../wire/secret.ts";
import { secretSchema, type WebhookRecord } from "../../wire/webhook.ts";
import { jsonBody, SMALL_BODY_BYTES } from "../http/body.ts";
import type { ApiDeps } from "../deps.ts";
import type { ApiEnv } from "../http/env.ts";
import { json, jsonInput, problems, type Api } from "../http/openapi.ts";
import { findWebhook, noSuchWebhook, webhookIdParam } from "./find.ts";
import { problem } from "../http/problem.ts";

const tags = ["webhooks"];

const HOUR_MS = 3_600_000;
const MOST_GRACE_HOURS = 168;
/**
 * The new one and two before it. With one before it, a rotation that is repeated because its answer
 * was lost would drop the very secret that the receiver knows.
 */
const MOST_SECRETS = 3;

const rotateSchema = z
  .strictObject({
    grace_hours: z
      .number()
      .min(0)
      .max(MOST_GRACE_HOURS)
      .default(24)
      .describe("for so long the secrets before it sign too; 0: they end at once"),
    secret: secretSchema
      .optional()
      .describe("made where it is missing: `whsec_` + base64 of 32 bytes"),
  })
  .meta({ id: "SecretRotate" });

const rotatedSchema = z
  .object({
    secret: z.string().describe("signs from now on"),
    previous_expires_at: z
      .string()
      .nullable()
      .describe("until then the one before it signs too; null where none is left"),
  })
  .meta({ id: "SecretRotated" });

export function addWebhookSecrets(api: Api, { stores, now }: ApiDeps): void {
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
        "Within the grace `webhook-signature` carries a signature of each secret, the dialect's own " +
        `header signs with the new one. At most ${MOST_SECRETS} secrets sign: another rotation within ` +
        "the grace drops the oldest, and never prolongs the grace of one before it.",
      tags,
      middleware: [bodyIsOptional, jsonBody(SMALL_BODY_BYTES)],
      request: { params: webhookIdParam, body: { ...jsonInput(rotateSchema), required: false } },
      responses: {
        200: json(rotatedSchema, "the secret that signs from now on"),
        ...problems(400, 401, 404, 409, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const { grace_hours, secret = makeSecret() } = c.req.valid("json");
      const record = await find(c, c.req.valid("param").id);
      if (!record) return noSuchWebhook(c);
      const rotation = { secret, graceMs: grace_hours * HOUR_MS, nowMs: now().getTime() };
      const outcome = await webhooks.update(record.id, (current) => rotated(current, rotation));
      if (outcome.updated === null && outcome.why === "unreadable") return recordUnreadable(c);
      const [newest, previous] = outcome.updated?.secrets ?? [];
      // Deleted since it was found.
      if (!newest) return noSuchWebhook(c);
      const previousExpiresAt = previous?.expires_at ?? null;
      return c.json({ secret: newest.secret, previous_expires_at: previousExpiresAt }, 200);
    },
  );
}

/** What a rotation makes of a webhook's record. Pure. */
export function rotated(
  current: WebhookRecord,
  { secret, graceMs, nowMs }: { secret: string; graceMs: number; nowMs: number },
): WebhookRecord {
  const previous = current.secrets
    // The newest one, given again because the answer was lost, replaces itself.
    .filter((one) => one.secret !== secret)
    // A grace is only ever shortened by a later rotation: with 0 it ends for all that came before.
    .map((one) => ({ secret: one.secret, endMs: Math.min(endMs(one), nowMs + graceMs) }))
    .filter((one) => one.endMs > nowMs)
    .map((one) => ({ secret: one.secret, expires_at: new Date(one.endMs).toISOString() }));
  return {
    ...current,
    secrets: [{ secret, expires_at: null }, ...previous].slice(0, MOST_SECRETS),
    updated_at: new Date(nowMs).toISOString(),
  };
}

function endMs({ expires_at }: WebhookRecord["secrets"][number]): number {
  return expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at);
}

/** Without a body every field has its default. */
const bodyIsOptional: MiddlewareHandler<ApiEnv> = async (c, next) => {
  if (c.req.raw.body === null && c.req.header("content-type") === undefined) {
    const headers = new Headers(c.req.raw.headers);
    headers.set("content-type", "application/json");
    c.req.raw = new Request(c.req.raw, { method: c.req.method, headers, body: "{}" });
  }
  return next();
};

/** Neither is a fault of the request, nor one that passes: somebody has to act. */
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
