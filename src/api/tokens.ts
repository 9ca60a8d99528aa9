// POST /v1/tokens: creates a token for one owner, for a portal of the application's users.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { ownerIdSchema, splitOwnerRef } from "../wire/owner.ts";
import { EITHER_OWNER, ownerOf } from "../wire/webhook.ts";
import { apiOnly } from "./auth/authenticate.ts";
import { jsonBody, SMALL_BODY_BYTES } from "./http/body.ts";
import type { ApiDeps } from "./deps.ts";
import { json, jsonInput, problems, type Api } from "./http/openapi.ts";
import type { ScopedTokens } from "./auth/scoped-token.ts";

const MAX_EXPIRES_IN_S = 30 * 86_400;

const tokenCreateSchema = z
  .strictObject({
    user_id: ownerIdSchema.optional(),
    org_id: ownerIdSchema.optional(),
    expires_in_s: z.int().min(1).max(MAX_EXPIRES_IN_S).default(3_600).describe("at most 30 days"),
  })
  .refine((input) => (input.user_id === undefined) !== (input.org_id === undefined), {
    error: "give either user_id or org_id",
    path: ["user_id"],
  })
  .meta({ id: "TokenCreate", ...EITHER_OWNER });

const tokenSchema = z
  .object({
    token: z.string().describe("send it as `Authorization: Bearer <token>`"),
    expires_at: z.string().describe("RFC 3339"),
  })
  .meta({ id: "Token" });

export function addTokens(api: Api, { now }: ApiDeps, tokens: ScopedTokens): void {
  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/tokens",
      summary: "Create a token that reaches only what belongs to one owner",
      description:
        "For a browser or another service that acts for one user or organisation. It reaches that " +
        "owner's webhooks, logs and deliveries; a request that names no owner means that one. It " +
        "cannot push events, read rejected elements or create tokens. It is signed with a key derived " +
        "from the API token and stored nowhere: every replica accepts it until it expires, and " +
        "changing FLUXHOOK_API_TOKEN ends all scoped tokens at once. A single token cannot be " +
        "revoked, so keep their lifetime short. Only the API token creates scoped tokens.",
      tags: ["tokens"],
      middleware: [apiOnly, jsonBody(SMALL_BODY_BYTES)],
      request: { body: jsonInput(tokenCreateSchema) },
      responses: {
        201: json(tokenSchema, "created; the token is not shown again"),
        ...problems(400, 401, 404, 413, 415, 422, 500),
      },
    }),
    async (c) => {
      const input = c.req.valid("json");
      const from = now();
      const until = new Date(from.getTime() + input.expires_in_s * 1_000);
      const token = await tokens.sign(splitOwnerRef(ownerOf(input)), from, until);
      return c.json({ token, expires_at: until.toISOString() }, 201);
    },
  );
}
