// /v1/webhooks: creates, lists, changes, enables, disables and deletes webhooks.
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { ownerIdSchema, ownerRef } from "../../wire/owner.ts";
import {
  ownerOf,
  webhookCreateSchema,
  webhookPatchSchema,
  webhookSchema,
  WEBHOOKS_PER_OWNER,
  type WebhookRecord,
} from "../../wire/webhook.ts";
import { maySee } from "../auth/authenticate.ts";
import { noSuchOwner } from "../auth/no-such-owner.ts";
import { jsonBody, SMALL_BODY_BYTES } from "../http/body.ts";
import type { ApiDeps } from "../deps.ts";
import type { ApiEnv } from "../http/env.ts";
import { impliedInBody, impliedInQuery } from "../auth/implied-owner.ts";
import { json, jsonInput, problems, type Api } from "../http/openapi.ts";
import { nextCursorSchema, pageOf, pageQuery } from "../http/page.ts";
import { findWebhook, noSuchWebhook, webhookIdParam } from "./find.ts";
import { invalid, problem } from "../http/problem.ts";
import { NO_HEALTH, toPublic } from "../../control/webhook-changes.ts";
import type { WebhookUpdated } from "../../valkey/webhooks/webhook-store.ts";
import { recordUnreadable } from "./secrets.ts";

const tags = ["webhooks"];
const body = jsonBody(SMALL_BODY_BYTES);

const createdSchema = webhookSchema
  .extend({ secret: z.string().describe("signs every request to this webhook") })
  .meta({ id: "WebhookCreated" });

/** The position of a webhook in a list: `<created_at> <id>`. */
const POSITION = /^[0-9TZ:.-]{20,30} wh_[A-Za-z0-9_-]{1,64}$/;

const listQuery = z
  .object({
    user_id: ownerIdSchema.optional(),
    org_id: ownerIdSchema.optional(),
    ...pageQuery({
      defaultLimit: WEBHOOKS_PER_OWNER,
      position: POSITION,
    }),
  })
  .refine((query) => query.user_id !== undefined || query.org_id !== undefined, {
    error: "give user_id, org_id or both",
    path: ["user_id"],
  });

export function addWebhooks(api: Api, { stores }: ApiDeps): void {
  const { webhooks } = stores;
  const find = (c: Context<ApiEnv>, id: string) => findWebhook(c, webhooks, id);

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/webhooks",
      summary: "Register a webhook",
      description:
        "The dialect gives the time-out, schedule and disable rule that the request leaves out. A `url` " +
        "that the egress settings deny is refused; a name that does not resolve yet is accepted.",
      tags,
      middleware: [body, impliedInBody],
      request: { body: jsonInput(webhookCreateSchema) },
      responses: {
        201: {
          ...json(createdSchema, "created; `secret` is shown here and by GET …/secret"),
          headers: z.object({ Location: z.string() }),
        },
        ...problems(400, 401, 404, 409, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const input = c.req.valid("json");
      if (!maySee(c.var.principal, ownerOf(input))) return noSuchOwner(c);
      const result = await webhooks.create(input);
      if (result.created) {
        const { record } = result;
        const secret = record.secrets[0]?.secret ?? "";
        const location = { Location: `/v1/webhooks/${record.id}` };
        return c.json({ ...toPublic(record, NO_HEALTH), secret }, 201, location);
      }
      switch (result.why) {
        case "invalid":
          return invalid(c, result.errors);
        case "duplicate":
          return duplicate(c, result.id);
        case "full":
          return problem(
            c,
            "too-many-webhooks",
            `an owner has at most ${WEBHOOKS_PER_OWNER} webhooks`,
          );
      }
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/webhooks",
      summary: "List the webhooks of a user, of an organisation or of both, oldest first",
      description: "`user_id` or `org_id` is required. A scoped token implies its own owner.",
      tags,
      middleware: [impliedInQuery],
      request: { query: listQuery },
      responses: {
        200: json(
          z.object({ webhooks: z.array(webhookSchema), next_cursor: nextCursorSchema }),
          "one page",
        ),
        ...problems(401, 404, 422, 500, 503),
      },
    }),
    async (c) => {
      const query = c.req.valid("query");
      const owners = [
        ...(query.user_id === undefined ? [] : [ownerRef("user", query.user_id)]),
        ...(query.org_id === undefined ? [] : [ownerRef("org", query.org_id)]),
      ];
      if (!owners.every((owner) => maySee(c.var.principal, owner))) return noSuchOwner(c);
      const records = (await Promise.all(owners.map((owner) => webhooks.list(owner)))).flat();
      const page = pageOf(
        records.toSorted((a, b) => (position(a) < position(b) ? -1 : 1)),
        position,
        query,
      );
      const health = await webhooks.health(page.items.map(({ id }) => id));
      return c.json(
        {
          webhooks: page.items.map((record, at) => toPublic(record, health[at] ?? NO_HEALTH)),
          next_cursor: page.next,
        },
        200,
      );
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/webhooks/{id}",
      summary: "Get one webhook",
      tags,
      request: { params: webhookIdParam },
      responses: { 200: json(webhookSchema, "the webhook"), ...problems(401, 404, 500, 503) },
    }),
    async (c) => {
      const record = await find(c, c.req.valid("param").id);
      return record ? c.json(await withHealth(record), 200) : noSuchWebhook(c);
    },
  );

  api.openapi(
    createRoute({
      method: "patch",
      path: "/v1/webhooks/{id}",
      summary: "Change a webhook",
      description:
        "Fields that the request leaves out do not change. Enabling a disabled webhook clears " +
        "`disabled_reason` and the failures in `health`. A new dialect does not change the time-out, " +
        "schedule and disable rule.",
      tags,
      middleware: [body],
      request: { params: webhookIdParam, body: jsonInput(webhookPatchSchema) },
      responses: {
        200: json(webhookSchema, "the webhook as it is now"),
        ...problems(400, 401, 404, 409, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const patch = c.req.valid("json");
      const record = await find(c, c.req.valid("param").id);
      if (!record) return noSuchWebhook(c);
      const result = await webhooks.update(record, patch);
      return result.updated === null && result.why === "invalid"
        ? invalid(c, result.errors)
        : answerUpdate(c, result);
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/v1/webhooks/{id}",
      summary: "Delete a webhook",
      description: "Its waiting deliveries are dropped, each with a log line.",
      tags,
      request: { params: webhookIdParam },
      responses: { 204: { description: "deleted" }, ...problems(401, 404, 500, 503) },
    }),
    async (c) => {
      const record = await find(c, c.req.valid("param").id);
      if (!record || !(await webhooks.delete(record.id))) return noSuchWebhook(c);
      return c.body(null, 204);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/webhooks/{id}/enable",
      summary: "Enable a webhook and clear its failures",
      tags,
      request: { params: webhookIdParam },
      responses: {
        200: json(webhookSchema, "the webhook as it is now"),
        ...problems(401, 404, 409, 500, 503),
      },
    }),
    async (c) => {
      const record = await find(c, c.req.valid("param").id);
      return record ? answerUpdate(c, await webhooks.enable(record.id)) : noSuchWebhook(c);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/webhooks/{id}/disable",
      summary: "Disable a webhook; its deliveries are parked",
      tags,
      request: { params: webhookIdParam },
      responses: {
        200: json(webhookSchema, "the webhook as it is now"),
        ...problems(401, 404, 409, 500, 503),
      },
    }),
    async (c) => {
      const record = await find(c, c.req.valid("param").id);
      return record ? answerUpdate(c, await webhooks.disable(record.id)) : noSuchWebhook(c);
    },
  );

  async function withHealth(record: WebhookRecord) {
    const [health] = await webhooks.health([record.id]);
    return toPublic(record, health ?? NO_HEALTH);
  }

  async function answerUpdate(c: Context<ApiEnv>, result: WebhookUpdated) {
    if (result.updated) return c.json(await withHealth(result.updated), 200);
    switch (result.why) {
      case "missing":
        return noSuchWebhook(c);
      case "unreadable":
        return recordUnreadable(c);
      case "duplicate":
        return duplicate(c, result.id);
    }
  }
}

function position(record: WebhookRecord): string {
  return `${record.created_at} ${record.id}`;
}

function duplicate(c: Context<ApiEnv>, id: string) {
  return problem(c, "duplicate-webhook", `${id} has this url`, { webhookId: id });
}
