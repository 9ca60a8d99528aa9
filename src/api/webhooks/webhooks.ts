// /v1/webhooks: creates, lists, changes, enables, disables and deletes webhooks.
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { ownerIdSchema, ownerRef, type OwnerRef } from "../../wire/owner.ts";
import {
  ownerOf,
  webhookCreateSchema,
  webhookPatchSchema,
  webhookSchema,
  WEBHOOKS_PER_OWNER,
  type WebhookRecord,
} from "../../wire/webhook.ts";
import { noteForAudit } from "../auth/audit.ts";
import { maySee } from "../auth/authenticate.ts";
import { noSuchOwner } from "../auth/no-such-owner.ts";
import { jsonBody, SMALL_BODY_BYTES } from "../http/body.ts";
import type { ApiDeps } from "../deps.ts";
import type { ApiEnv } from "../http/env.ts";
import { impliedInBody, impliedInQuery } from "../auth/implied-owner.ts";
import { json, jsonInput, problems, type Api } from "../http/openapi.ts";
import { nextCursorSchema, pageOf, pageQuery, positionIn } from "../http/page.ts";
import { findWebhook, noSuchWebhook, webhookIdParam } from "./find.ts";
import { invalid, problem } from "../http/problem.ts";
import {
  FIRST_PLACE,
  hasState,
  WEBHOOK_STATES,
  type ListedWebhook,
  type WebhookPlace,
} from "../../control/all-webhooks.ts";
import { NO_HEALTH, toPublic } from "../../control/webhook-changes.ts";
import type { WebhookUpdated } from "../../valkey/webhooks/webhook-store.ts";
import { recordUnreadable } from "./secrets.ts";

const tags = ["webhooks"];
const body = jsonBody(SMALL_BODY_BYTES);

const createdSchema = webhookSchema
  .extend({ secret: z.string().describe("signs every request to this webhook") })
  .meta({ id: "WebhookCreated" });

/** The position of a webhook in the list of an owner, `<created_at> <id>`, or in that of all: of the walk. */
const POSITION = /^(?:[0-9TZ:.-]{20,30} wh_[A-Za-z0-9_-]{1,64}|(\d{1,20}) (\d{1,9}))$/;

const listQuery = z.strictObject({
  user_id: ownerIdSchema.optional(),
  org_id: ownerIdSchema.optional(),
  state: z
    .enum(WEBHOOK_STATES, { error: `must be one of ${WEBHOOK_STATES.join(", ")}` })
    .optional()
    .describe("only webhooks in this state; `failing`: enabled, and the last attempt failed"),
  ...pageQuery({
    defaultLimit: WEBHOOKS_PER_OWNER,
    position: POSITION,
  }),
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
        noteForAudit(c, { owner: ownerOf(record), about: record.id });
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
      summary: "List webhooks: of a user, of an organisation, of both, or of all owners",
      description:
        "The webhooks of owners come oldest first. A scoped token implies its own owner. With the API " +
        "token and no owner, the list has the webhooks of all owners, in no particular order; a webhook " +
        "that is created or deleted meanwhile may be left out, and one may be there twice. If few match " +
        "`state`, a page may have fewer than `limit`, even none, and still a `next_cursor`.",
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
      const place = placeIn(query.cursor);
      if (query.cursor !== undefined && (place === null) !== owners.length > 0) {
        const message = "must be the next_cursor of an earlier page of this list";
        return invalid(c, [{ field: "cursor", code: "invalid_format", message }]);
      }
      const { listed, next } =
        owners.length === 0
          ? await pageOfAll(place ?? FIRST_PLACE, query)
          : await pageOfOwners(owners, query);
      const shown = listed.map(({ record, health }) => toPublic(record, health));
      return c.json({ webhooks: shown, next_cursor: next }, 200);
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
      noteForAudit(c, { details: { fields: Object.keys(patch) } });
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

  async function pageOfOwners(
    owners: readonly OwnerRef[],
    { state, ...page }: z.infer<typeof listQuery>,
  ): Promise<{ listed: ListedWebhook[]; next: string | null }> {
    const records = (await Promise.all(owners.map((owner) => webhooks.list(owner)))).flat();
    const health = await webhooks.health(records.map(({ id }) => id));
    const all = records
      .map((record, at) => ({ record, health: health[at] ?? NO_HEALTH }))
      .filter((one) => hasState(one, state))
      .toSorted((a, b) => (position(a) < position(b) ? -1 : 1));
    const { items, next } = pageOf(all, position, page);
    return { listed: items, next };
  }

  async function pageOfAll(
    from: WebhookPlace,
    { state, limit }: z.infer<typeof listQuery>,
  ): Promise<{ listed: ListedWebhook[]; next: string | null }> {
    const { listed, next } = await webhooks.pageOfAll({ state, from, limit });
    return { listed, next: next && Buffer.from(`${next.scan} ${next.skip}`).toString("base64url") };
  }

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

function position({ record }: ListedWebhook): string {
  return `${record.created_at} ${record.id}`;
}

/** Returns null for a cursor of an owner's list. */
function placeIn(cursor: string | undefined): WebhookPlace | null {
  const [, scan, skip] = POSITION.exec(positionIn(cursor ?? "")) ?? [];
  return scan === undefined ? null : { scan, skip: Number(skip) };
}

function duplicate(c: Context<ApiEnv>, id: string) {
  return problem(c, "duplicate-webhook", `${id} has this url`, { webhookId: id });
}
