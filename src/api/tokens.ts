// /v1/tokens: makes tokens of an owner and of the dashboard; makes, lists and revokes API keys of owners.
import { createRoute } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { z } from "zod";
import { MAX_KEYS_PER_OWNER } from "../valkey/tokens/api-key-store.ts";
import { MAX_TOKEN_MS } from "../valkey/tokens/token-ends.ts";
import { boundedText } from "../wire/bounded-text.ts";
import { newId } from "../wire/new-id.ts";
import { ownerIdSchema, ownerRef, splitOwnerRef, type OwnerRef } from "../wire/owner.ts";
import { noteForAudit } from "./auth/audit.ts";
import { maySee } from "./auth/authenticate.ts";
import { impliedInBody, impliedInQuery } from "./auth/implied-owner.ts";
import { noSuchOwner } from "./auth/no-such-owner.ts";
import type { SignedTokens } from "./auth/signed-tokens.ts";
import { jsonBody, SMALL_BODY_BYTES } from "./http/body.ts";
import type { ApiDeps } from "./deps.ts";
import type { ApiEnv } from "./http/env.ts";
import { json, jsonInput, problems, type Api } from "./http/openapi.ts";
import { problem } from "./http/problem.ts";

const tags = ["tokens"];

const MAX_EXPIRES_IN_S = MAX_TOKEN_MS / 1_000;
/** A portal's link may lie in histories and chats: it has to end soon. */
const MAX_PORTAL_S = 86_400;
const EXPIRES_IN_S = { owner: 3_600, dashboard: 43_200 };

// oxlint-disable-next-line no-control-regex -- control characters are what it keeps out
const VISIBLE = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+$/;

const tokenCreateSchema = z
  .strictObject({
    user_id: ownerIdSchema.optional(),
    org_id: ownerIdSchema.optional(),
    dashboard: z
      .literal(true)
      .optional()
      .describe("in place of an owner: it reaches everything, and makes no dashboard tokens"),
    name: boundedText(100, "must be a string")
      // Shown in lists, in the audit and in the log.
      .regex(VISIBLE, { error: "must be 1 to 100 visible characters" })
      .optional()
      .describe("shown in the audit, and in the list of API keys, which need one"),
    read_only: z.boolean().default(false).describe("whatever would change something is 403"),
    api_keys: z
      .boolean()
      .default(false)
      .describe("for an owner's token that is not read-only: it may make API keys of its owner"),
    expires_in_s: z
      .int()
      .min(1)
      .max(MAX_EXPIRES_IN_S)
      .nullable()
      .optional()
      .describe(
        `at most 30 days; ${EXPIRES_IN_S.owner} if missing, ${EXPIRES_IN_S.dashboard} for a dashboard ` +
          "token; null: an API key of an owner, with a name: it does not expire and can be revoked",
      ),
  })
  .superRefine((input, context) => {
    const refuse = (path: string, message: string) =>
      context.addIssue({ code: "custom", path: [path], message });
    const given = [input.user_id, input.org_id, input.dashboard].filter((one) => one !== undefined);
    if (given.length !== 1) refuse("user_id", "give either user_id, org_id or dashboard");
    if (input.expires_in_s === null) {
      if (input.dashboard) refuse("expires_in_s", "a dashboard token has to expire");
      else if (input.name === undefined) refuse("name", "an API key needs a name");
    }
    if (input.api_keys && (input.expires_in_s === null || input.dashboard || input.read_only)) {
      refuse("api_keys", "is for an owner's token that expires and is not read-only");
    }
  })
  .meta({
    id: "TokenCreate",
    oneOf: ["user_id", "org_id", "dashboard"].map((field) => ({ required: [field] })),
  });

const tokenSchema = z
  .object({
    token: z.string().describe("send it as `Authorization: Bearer <token>`"),
    id: z.string().describe("names it in the audit; an API key is revoked by it"),
    expires_at: z.string().nullable().describe("RFC 3339; null for an API key"),
    portal_url: z
      .string()
      .nullable()
      .describe(
        "the owner's portal, signed in; null if the token is no owner's, lives longer than a day, or the " +
          "dashboard is off",
      ),
  })
  .meta({ id: "Token" });

const apiKeySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    user_id: z.string().optional(),
    org_id: z.string().optional(),
    read_only: z.boolean(),
    created_at: z.string().describe("RFC 3339"),
    last_used_at: z.string().nullable().describe("to the minute; null if it was never used"),
  })
  .meta({ id: "ApiKey" });

const listQuery = z
  .strictObject({ user_id: ownerIdSchema.optional(), org_id: ownerIdSchema.optional() })
  .refine((query) => (query.user_id === undefined) !== (query.org_id === undefined), {
    error: "give either user_id or org_id",
    path: ["user_id"],
  });

const KEY_ID = /^key_[A-Za-z0-9]{24}$/;

export function addTokens(api: Api, { stores, config, now }: ApiDeps, tokens: SignedTokens): void {
  const { apiKeys } = stores;

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/tokens",
      summary: "Create a token of one owner, an API key of one owner, or a token of the dashboard",
      description:
        "An owner's token is for a browser or a service that acts for one user or organisation. It reaches " +
        "that owner's webhooks, logs and deliveries; a request that names no owner means that one. It " +
        "cannot push events or read rejected elements. A token that expires is a JWT, signed with a key " +
        "derived from the API token and stored nowhere: every replica accepts it until it expires, and " +
        "removing that token from FLUXHOOK_API_TOKEN ends it. An API key is stored as a hash, does not " +
        "depend on the API token, and can be revoked. Only the API token makes dashboard tokens. A token " +
        "with `api_keys` makes API keys of its owner; no other owner's token makes any.",
      tags,
      middleware: [mayMakeTokens, jsonBody(SMALL_BODY_BYTES), impliedInBody],
      request: { body: jsonInput(tokenCreateSchema) },
      responses: {
        201: json(tokenSchema, "created; the token is not shown again"),
        ...problems(400, 401, 404, 409, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const { principal } = c.var;
      const { name = null, read_only: readOnly, ...input } = c.req.valid("json");
      const given = { ...(name !== null && { name }), read_only: readOnly };
      const owner = ownerIn(input);
      if (owner !== null && !maySee(principal, owner)) return noSuchOwner(c);
      if (input.expires_in_s === null && owner !== null) {
        const made = { owner, name: name ?? "", readOnly, createdAtMs: now().getTime() };
        const key = await apiKeys.create(made);
        if (key === null) {
          return problem(c, "too-many-keys", `an owner has at most ${MAX_KEYS_PER_OWNER} API keys`);
        }
        noteForAudit(c, { owner, about: key.id, details: { kind: "key", ...given } });
        return c.json({ token: key.text, id: key.id, expires_at: null, portal_url: null }, 201);
      }
      // An owner's token makes API keys only; a dashboard token no other one.
      if (principal.kind === "owner") return needsApiToken(c);
      if (owner === null && principal.token.kind !== "api") return needsApiToken(c);
      const lifeS =
        input.expires_in_s ?? (owner === null ? EXPIRES_IN_S.dashboard : EXPIRES_IN_S.owner);
      const issuedAtMs = now().getTime();
      const expiresAtMs = issuedAtMs + lifeS * 1_000;
      const id = newId("tok");
      const token = await tokens.sign({
        reach: owner === null ? { kind: "api" } : { kind: "owner", owner },
        id,
        name,
        readOnly,
        mayMakeKeys: owner === null || input.api_keys,
        issuedAtMs,
        expiresAtMs,
      });
      noteForAudit(c, {
        owner: owner ?? undefined,
        about: id,
        details: {
          kind: owner === null ? "dashboard" : "owner",
          ...given,
          expires_at: new Date(expiresAtMs).toISOString(),
        },
      });
      const hasPortal = config.hasPortal === true && owner !== null && lifeS <= MAX_PORTAL_S;
      return c.json(
        {
          token,
          id,
          expires_at: new Date(expiresAtMs).toISOString(),
          portal_url: hasPortal ? `${addressOf(c)}/portal#token=${token}` : null,
        },
        201,
      );
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/tokens",
      summary: "List the API keys of an owner, oldest first",
      description:
        "Without the keys themselves, which are stored nowhere. With the API token `user_id` or `org_id` is " +
        "required.",
      tags,
      middleware: [impliedInQuery],
      request: { query: listQuery },
      responses: {
        200: json(
          z.object({ tokens: z.array(apiKeySchema).describe(`at most ${MAX_KEYS_PER_OWNER}`) }),
          "the API keys",
        ),
        ...problems(401, 404, 422, 500, 503),
      },
    }),
    async (c) => {
      const owner = ownerIn(c.req.valid("query"));
      if (owner === null || !maySee(c.var.principal, owner)) return noSuchOwner(c);
      const { kind, id } = splitOwnerRef(owner);
      const keys = await apiKeys.list(owner);
      const shown = keys.map((key) => ({
        id: key.id,
        name: key.name,
        ...(kind === "user" ? { user_id: id } : { org_id: id }),
        read_only: key.readOnly,
        created_at: new Date(key.createdAtMs).toISOString(),
        last_used_at: key.lastUsedAtMs === null ? null : new Date(key.lastUsedAtMs).toISOString(),
      }));
      return c.json({ tokens: shown }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/v1/tokens/{key_id}",
      summary: "Revoke an API key",
      description:
        "From then on, every replica refuses it. A token that expires cannot be revoked.",
      tags,
      request: {
        params: z.object({
          key_id: z
            .string()
            .meta({ pattern: KEY_ID.source, example: "key_3vJ8kQm2ZpXr6Tn0YbLcW9dA" }),
        }),
      },
      responses: { 204: { description: "revoked" }, ...problems(401, 404, 500, 503) },
    }),
    async (c) => {
      const id = c.req.valid("param").key_id;
      const key = KEY_ID.test(id) ? await apiKeys.get(id) : null;
      const isRevoked =
        key !== null && maySee(c.var.principal, key.owner) && (await apiKeys.revoke(key));
      if (key !== null) noteForAudit(c, { owner: key.owner, details: { name: key.name } });
      return isRevoked
        ? c.body(null, 204)
        : problem(c, "not-found", "there is no API key with this id");
    },
  );

  function addressOf(c: Context<ApiEnv>): string {
    return (config.publicUrl ?? new URL(c.req.url, "http://localhost").origin).replace(/\/+$/, "");
  }
}

/** Before the body is read: whoever may make none does not learn what it would have to be. */
const mayMakeTokens: MiddlewareHandler<ApiEnv> = async (c, next) =>
  c.var.principal.kind === "api" || c.var.principal.token.mayMakeKeys ? next() : needsApiToken(c);

function needsApiToken(c: Context<ApiEnv>) {
  return problem(c, "not-found", "this route needs the API token");
}

function ownerIn(input: { user_id?: string; org_id?: string }): OwnerRef | null {
  if (input.user_id !== undefined) return ownerRef("user", input.user_id);
  return input.org_id === undefined ? null : ownerRef("org", input.org_id);
}
