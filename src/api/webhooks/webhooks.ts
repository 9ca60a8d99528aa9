// /v1/webhooks: register, list, change, switch on and off.
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { dialectOf } from "../../wire/dialects/registry.ts";
import { ownerIdSchema, ownerRef } from "../../wire/owner.ts";
import { makeSecret } from "../../wire/secret.ts";
import {
  ownerOf,
  webhookCreateSchema,
  webhookPatchSchema,
  webhookSchema,
  WEBHOOKS_PER_OWNER,
  type WebhookRecord,
} from "../../wire/webhook.ts";
import { maySee } from "../auth/authenticate.ts";
import { jsonBody, SMALL_BODY_BYTES } from "../http/body.ts";
import type { ApiDeps } from "../deps.ts";
import type { WebhookUpdated } from "../../valkey/webhooks/webhook-store.ts";
import type { ApiEnv } from "../http/env.ts";
import { impliedInBody, impliedInQuery } from "../auth/implied-owner.ts";
import { newId } from "../../wire/new-id.ts";
import { json, jsonInput, problems, type Api } from "../http/openapi.ts";
import { nextCursorSchema, pageOf, pageQuery } from "../http/page.ts";
import { findWebhook, noSuchWebhook, webhookIdParam } from "./find.ts";
import { invalid, problem } from "../http/problem.ts";
import {
  disabled,
  enabled,
  newWebhook,
  NO_HEALTH,
  patched,
  shown,
} from "../../control/webhook-changes.ts";
import { recordUnreadable } from "./secrets.ts";
import { checkUrl } from "./check-url.ts";

const tags = ["webhooks"];
const body = jsonBody(SMALL_BODY_BYTES);

const createdSchema = webhookSchema
  .extend({ secret: z.string().describe("signs every request to this webhook") })
  .meta({ id: "WebhookCreated" });

/** Where a webhook stands in a list: `<created_at> <id>`. */
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

export function addWebhooks(api: Api, { stores, guard, config, now }: ApiDeps): void {
  const { webhooks } = stores;
  const find = (c: Context<ApiEnv>, id: string) => findWebhook(c, webhooks, id);

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/webhooks",
      summary: "Register a webhook",
      description:
        "Time-out, schedule and disable rule come from the dialect where not given. A `url` that the " +
        "egress settings deny is refused; one whose name does not resolve yet is not.",
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
      const denied = await checkUrl(guard, input.url);
      if (denied) return invalid(c, [denied]);
      const record = newWebhook(input, {
        id: newId("wh"),
        secret: makeSecret(),
        at: now().toISOString(),
        dialect: dialectOf(input.dialect),
        retrySchedule: config.retrySchedule,
      });
      const outcome = await webhooks.create(record);
      if (outcome.created) {
        const secret = record.secrets[0]?.secret ?? "";
        const location = { Location: `/v1/webhooks/${record.id}` };
        return c.json({ ...shown(record, NO_HEALTH), secret }, 201, location);
      }
      return outcome.why === "duplicate"
        ? duplicate(c, outcome.id)
        : problem(c, "too-many-webhooks", `an owner has at most ${WEBHOOKS_PER_OWNER} webhooks`);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/webhooks",
      summary: "The webhooks of a user, of an organisation or of both, oldest first",
      description:
        "`user_id` or `org_id` is required, but with a scoped token, which implies its own.",
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
          webhooks: page.items.map((record, at) => shown(record, health[at] ?? NO_HEALTH)),
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
      summary: "One webhook",
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
        "Fields that are not given stay. Switching it on again clears `disabled_reason` and " +
        "`health`. A new dialect leaves time-out, schedule and disable rule as they are.",
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
      if (patch.url !== undefined && patch.url !== record.url) {
        const denied = await checkUrl(guard, patch.url);
        if (denied) return invalid(c, [denied]);
      }
      // Before the change: were it after, a crash in between left it on with its old failures,
      // and the next failure would switch it off again.
      if (patch.enabled && !record.enabled) await webhooks.resetHealth(record.id);
      const at = now().toISOString();
      return updated(c, await webhooks.update(record.id, (current) => patched(current, patch, at)));
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/v1/webhooks/{id}",
      summary: "Delete a webhook",
      description: "Its deliveries that still wait end with a log line.",
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

  for (const [verb, change, summary] of [
    ["enable", enabled, "Switch a webhook on and clear its health"],
    ["disable", disabled, "Switch a webhook off; its deliveries are parked"],
  ] as const) {
    api.openapi(
      createRoute({
        method: "post",
        path: `/v1/webhooks/{id}/${verb}`,
        summary,
        tags,
        request: { params: webhookIdParam },
        responses: {
          200: json(webhookSchema, "the webhook as it is now"),
          ...problems(401, 404, 409, 500, 503),
        },
      }),
      async (c) => {
        const record = await find(c, c.req.valid("param").id);
        if (!record) return noSuchWebhook(c);
        if (verb === "enable") await webhooks.resetHealth(record.id);
        const at = now().toISOString();
        return updated(c, await webhooks.update(record.id, (current) => change(current, at)));
      },
    );
  }

  async function withHealth(record: WebhookRecord) {
    const [health] = await webhooks.health([record.id]);
    return shown(record, health ?? NO_HEALTH);
  }

  async function updated(c: Context<ApiEnv>, outcome: WebhookUpdated) {
    if (outcome.updated) return c.json(await withHealth(outcome.updated), 200);
    switch (outcome.why) {
      case "missing":
        return noSuchWebhook(c);
      case "unreadable":
        return recordUnreadable(c);
      case "duplicate":
        return duplicate(c, outcome.id);
    }
  }
}

function position(record: WebhookRecord): string {
  return `${record.created_at} ${record.id}`;
}

function noSuchOwner(c: Context<ApiEnv>) {
  return problem(c, "not-found", "there is no such owner");
}

function duplicate(c: Context<ApiEnv>, id: string) {
  return problem(c, "duplicate-webhook", `${id} has this url`, { webhookId: id });
}
