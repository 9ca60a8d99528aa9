// /v1/listen: the sessions of `fluxhook listen`. The client polls for waiting requests and posts the answers,
// so it needs only HTTP and any replica serves it. Each poll is its heartbeat.
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import type { CreatedSession, SessionRecord } from "../valkey/tunnel/tunnel-store.ts";
import { listenSessionOf, newListenToken } from "../valkey/tunnel/tunnel-token.ts";
import {
  HEARTBEAT_MS,
  KEPT_MS,
  listenAnswerSchema,
  listenBatchSchema,
  listenCreateSchema,
  listenIdSchema,
  listenSessionSchema,
  MAX_BODY_BYTES,
  MAX_REQUESTS_PER_BATCH,
} from "../wire/tunnel.ts";
import { ownerRef, type OwnerRef } from "../wire/owner.ts";
import { WEBHOOKS_PER_OWNER } from "../wire/webhook.ts";
import { noteForAudit } from "./auth/audit.ts";
import { maySee } from "./auth/authenticate.ts";
import { noSuchOwner } from "./auth/no-such-owner.ts";
import { jsonBody, SMALL_BODY_BYTES } from "./http/body.ts";
import type { ApiDeps } from "./deps.ts";
import type { ApiEnv, Principal } from "./http/env.ts";
import { impliedInBody } from "./auth/implied-owner.ts";
import { newId } from "../wire/new-id.ts";
import { json, jsonInput, problems, type Api } from "./http/openapi.ts";
import { problem } from "./http/problem.ts";

const tags = ["listen"];
const sessionParam = z.object({
  session: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .meta({ example: "Zk3vJ8kQm2ZpXr6Tn0YbLcW9" }),
});

/** After this long another session may have ended. */
const RETRY_AFTER_S = 10;
type SessionLimit = Extract<CreatedSession, { created: false }>;
/** Base64 turns three bytes into four. */
const ANSWER_BYTES = 2 * MAX_BODY_BYTES;

/** A number in a query. The schema would also accept null as 0, but a query has no null. */
function wholeNumber(max: number) {
  return z.coerce
    .number()
    .int()
    .min(0)
    .max(max)
    .default(max)
    .meta({ type: "integer", minimum: 0, maximum: max, default: max });
}

const pollQuery = z.object({
  after: listenIdSchema.default("0-0").describe("the last request that the client received"),
  limit: wholeNumber(MAX_REQUESTS_PER_BATCH),
  wait_ms: wholeNumber(HEARTBEAT_MS),
});

export function addTunnel(api: Api, { stores, config }: ApiDeps): void {
  const { listen, webhooks } = stores;

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/listen",
      summary: "Start a session of `fluxhook listen`: a public URL and a temporary webhook",
      description:
        "Only its creator, the API token or one owner, can use it. Without an owner it has a URL and no " +
        "webhook. It ends by DELETE, or by itself after its client has stopped polling.",
      tags,
      middleware: [jsonBody(SMALL_BODY_BYTES), impliedInBody],
      request: { body: jsonInput(listenCreateSchema) },
      responses: {
        201: json(listenSessionSchema, "started"),
        ...problems(400, 401, 404, 409, 413, 415, 422, 429, 500, 503),
      },
    }),
    async (c) => {
      const input = c.req.valid("json");
      const owner = ownerIn(input);
      if (owner !== null && !maySee(c.var.principal, owner)) return noSuchOwner(c);
      const token = newListenToken();
      const session = listenSessionOf(token);
      noteForAudit(c, { owner: owner ?? undefined, about: session });
      const webhookId = owner === null ? null : newId("wh");
      const madeBy = creatorOf(c.var.principal);
      // Before its webhook: what a crash in between leaves behind ends by itself.
      const started = await listen.create({ id: session, madeBy, webhookId, owner });
      if (!started.created) return tooManySessions(c, started);
      const result =
        webhookId === null
          ? null
          : await webhooks.createTemporary(input, { id: webhookId, session });
      if (result?.created === false) {
        await listen.remove(session);
        return problem(
          c,
          "too-many-webhooks",
          `a session needs a temporary webhook, and this owner has ${WEBHOOKS_PER_OWNER} webhooks, the maximum; delete one`,
        );
      }
      const url = config.publicUrl ?? new URL(c.req.url, "http://localhost").origin;
      return c.json(
        {
          session,
          token,
          url: `${url.replace(/\/+$/, "")}/l/${token}`,
          webhook_id: webhookId,
          secret: result?.record.secrets[0]?.secret ?? null,
          expires_in_s: Math.round(listen.sessionTtlMs / 1_000),
        },
        201,
      );
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/listen/{session}/requests",
      summary: "Poll a session for waiting requests, the oldest first; also its heartbeat",
      description:
        `Answers at once if a request waits, else after \`wait_ms\`. A request that is not answered ` +
        `within ${KEPT_MS / 1_000} s is dropped.`,
      tags,
      request: { params: sessionParam, query: pollQuery },
      responses: {
        200: json(listenBatchSchema, "up to `limit` requests"),
        ...problems(401, 404, 422, 500, 503),
      },
    }),
    async (c) => {
      const { after, limit, wait_ms: waitMs } = c.req.valid("query");
      const record = await find(c, c.req.valid("param").session);
      const batch = record && (await listen.poll(record.id, { after, limit, waitMs }));
      return batch ? c.json(batch, 200) : noSuchSession(c);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/listen/{session}/answers",
      summary: "Post the local server's answer to one request of a session",
      tags,
      middleware: [jsonBody(ANSWER_BYTES)],
      request: { params: sessionParam, body: jsonInput(listenAnswerSchema) },
      responses: {
        204: { description: "the request is done; its sender gets the answer if it still waits" },
        ...problems(400, 401, 404, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const record = await find(c, c.req.valid("param").session);
      if (!record || (await listen.answer(record.id, c.req.valid("json"))) === "ended") {
        return noSuchSession(c);
      }
      return c.body(null, 204);
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/v1/listen/{session}",
      summary: "End a session, its URL and its temporary webhook",
      tags,
      request: { params: sessionParam },
      responses: { 204: { description: "ended" }, ...problems(401, 404, 422, 500, 503) },
    }),
    async (c) => {
      const record = await find(c, c.req.valid("param").session);
      if (!record) return noSuchSession(c);
      // Before its session, which is the only one that knows its webhook.
      if (record.webhookId !== null) await webhooks.deleteTemporary(record.webhookId, record.id);
      await listen.remove(record.id);
      return c.body(null, 204);
    },
  );

  /** Returns null also for another creator's session: a scoped token does not reach those of the API token. */
  async function find(c: Context<ApiEnv>, session: string): Promise<SessionRecord | null> {
    const record = await listen.find(session);
    return record?.madeBy === creatorOf(c.var.principal) ? record : null;
  }
}

function ownerIn(input: { user_id?: string; org_id?: string }): OwnerRef | null {
  if (input.user_id !== undefined) return ownerRef("user", input.user_id);
  return input.org_id === undefined ? null : ownerRef("org", input.org_id);
}

function creatorOf(principal: Principal): string {
  return principal.kind === "api" ? "api" : principal.owner;
}

function noSuchSession(c: Context<ApiEnv>) {
  return problem(c, "not-found", "there is no such session, or it has ended");
}

/** Sessions end by themselves, so the request may be repeated later. */
function tooManySessions(c: Context<ApiEnv>, { whose, limit }: SessionLimit) {
  const ends = "end one, or wait until one ends by itself 5 minutes after its client has left";
  const detail = {
    owner: `an owner has at most ${limit} sessions of fluxhook listen at a time; ${ends}`,
    operator: `without an owner there are at most ${limit} sessions of fluxhook listen at a time; ${ends}`,
    all: `all owners together have at most ${limit} sessions of fluxhook listen at a time; try again later`,
  }[whose];
  const headers = { "Retry-After": String(RETRY_AFTER_S) };
  return problem(c, "too-many-sessions", detail, { headers });
}
