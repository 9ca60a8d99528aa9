// /v1/parked: lists, counts and redelivers deliveries that Fluxhook no longer attempts by itself.
import type { DeliveryName, WebhookId } from "../wire/ids.ts";
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import type { ListedParked, ParkedFilter, ParkedPosition } from "../control/redelivery.ts";
import { boundedText } from "../wire/bounded-text.ts";
import { ownerIdSchema, splitOwnerRef, type OwnerRef } from "../wire/owner.ts";
import {
  isTimestamp,
  TIMESTAMP_ACCEPTED,
  TIMESTAMP_PATTERN,
  timestampMs,
} from "../wire/timestamp.ts";
import { ownerOf } from "../wire/webhook.ts";
import { bodyWithDryRun } from "./auth/access.ts";
import { noteForAudit } from "./auth/audit.ts";
import { maySee } from "./auth/authenticate.ts";
import { noSuchOwner } from "./auth/no-such-owner.ts";
import { ownersAsked } from "./auth/owners-asked.ts";
import { SMALL_BODY_BYTES } from "./http/body.ts";
import type { ApiDeps } from "./deps.ts";
import type { ApiEnv } from "./http/env.ts";
import { json, jsonInput, problems, type Api } from "./http/openapi.ts";
import { nextCursorSchema, pageQuery, positionIn } from "./http/page.ts";
import { invalid, problem } from "./http/problem.ts";

const tags = ["parked"];
const MAX_AT_ONCE = 1_000;

const parkedSchema = z
  .object({
    delivery_id: z.string().describe("UUID of its last attempt, to redeliver it by"),
    webhook_id: z.string(),
    user_id: z.string().optional(),
    org_id: z.string().optional(),
    id: z.string().describe("the event's id"),
    event: z.string().nullable().describe("the event type; null if it could not be read"),
    reason: z
      .string()
      .nullable()
      .describe(
        "why it is parked: `http-500`, `timeout`, `blocked-address`, `webhook-disabled`, …",
      ),
    status_code: z.int().nullable().describe("of the last attempt; null if there was no response"),
    attempt: z.int().describe("the number of its last attempt"),
    parked_at: z.string().describe("RFC 3339"),
    expires_at: z.string().describe("RFC 3339; the caps may drop it earlier"),
    size: z.int().describe("bytes that it takes up, without an event that several webhooks share"),
  })
  .meta({ id: "ParkedDelivery" });

const filter = {
  user_id: ownerIdSchema.optional().describe("only those of this user's webhooks"),
  org_id: ownerIdSchema.optional().describe("only those of this organisation's webhooks"),
  webhook_id: boundedText(128, "must be a string")
    .min(1)
    .optional()
    .describe("only those of this webhook"),
  reason: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, { error: "must be a reason, such as http-500 or timeout" })
    .optional()
    .describe("only those parked for this reason"),
  event: z
    .string()
    .regex(/^[A-Za-z0-9_.]{1,128}$/, { error: "must be an event type, such as file.created" })
    .optional()
    .describe("only those of this event type"),
};

const countSchema = z.int().min(1);

const summarySchema = z
  .object({
    total: z.int().min(0),
    redeliverable: z
      .int()
      .min(0)
      .nullable()
      .describe(
        "how many of them belong to webhooks that are enabled; null if, without an owner, more than 200 " +
          "webhooks have parked deliveries",
      ),
    by_reason: z.array(z.object({ reason: z.string(), count: countSchema })),
    by_event: z
      .array(
        z.object({
          event: z.string().nullable().describe("null if it could not be read"),
          count: countSchema,
        }),
      )
      .describe("at most 100"),
    by_webhook: z
      .array(z.object({ webhook_id: z.string(), count: countSchema }))
      .describe("the 100 webhooks with the most; empty if an owner is given"),
  })
  .describe("How many deliveries are parked, the most frequent first.")
  .meta({ id: "ParkedSummary" });

const redeliverSchema = z
  .strictObject({
    ...filter,
    before: z
      .string()
      .refine(isTimestamp, { error: `must be ${TIMESTAMP_ACCEPTED}` })
      .optional()
      .describe(
        "only those that were parked before this time, RFC 3339. With `reason` or `event`, `remaining` counts " +
          "up to 10,000 of each webhook",
      )
      .meta({ pattern: TIMESTAMP_PATTERN, example: "2026-01-31T12:00:00Z" }),
    limit: z
      .int()
      .min(1)
      .max(MAX_AT_ONCE)
      .default(MAX_AT_ONCE)
      .describe("redeliver at most this many, the oldest first"),
    dry_run: z
      .boolean()
      .default(false)
      .describe("change nothing; `remaining` is how many would be redelivered"),
  })
  .meta({
    id: "RedeliverParked",
    description: "A scoped token needs no owner and no webhook: it implies its own owner.",
    anyOf: ["user_id", "org_id", "webhook_id"].map((field) => ({ required: [field] })),
  });

/** The position of a parked delivery in a list: `<ms> <delivery>`. */
const POSITION = /^(\d{1,15}) ([0-9a-f]{28})$/;

export function addParked(api: Api, { stores }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/parked",
      summary: "List parked deliveries, newest first",
      description:
        "With `user_id` and `org_id`, those of both. `webhook_id`, `reason` and `event` narrow the list " +
        "further. If few deliveries match, a page may have fewer than `limit`, even none, and still a " +
        "`next_cursor`.",
      tags,
      request: {
        query: z.strictObject({
          ...filter,
          ...pageQuery({
            defaultLimit: 100,
            position: POSITION,
          }),
        }),
      },
      responses: {
        200: json(
          z.object({ parked: z.array(parkedSchema), next_cursor: nextCursorSchema }),
          "one page",
        ),
        ...problems(401, 404, 422, 500, 503),
      },
    }),
    async (c) => {
      const { cursor, limit, ...query } = c.req.valid("query");
      const owners = ownersAsked(c.var.principal, query);
      if (owners === "hidden") return noSuchOwner(c);
      const page = await stores.redelivery.listParked(
        filterOf(owners, query),
        cursor === undefined ? null : readPosition(cursor),
        limit,
      );
      return c.json(
        { parked: page.parked.map(toPublic), next_cursor: page.next && cursorAt(page.next) },
        200,
      );
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/parked/redeliver",
      summary: "Redeliver parked deliveries, the oldest first",
      description:
        "Each becomes a new delivery of the same event id. Deliveries of disabled or deleted webhooks " +
        "stay parked and do not count as remaining. With the API token an owner or a webhook is " +
        "required.",
      tags,
      ...bodyWithDryRun(SMALL_BODY_BYTES),
      request: { body: jsonInput(redeliverSchema) },
      responses: {
        200: json(
          z.object({
            redelivered: z.int(),
            remaining: z.int().describe("how many more the same request would redeliver"),
          }),
          "what was done",
        ),
        ...problems(400, 401, 404, 409, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const { limit, dry_run: isDryRun, ...input } = c.req.valid("json");
      const owners = ownersAsked(c.var.principal, input);
      if (owners === "hidden") return noSuchOwner(c);
      const { webhook_id: webhookId } = input;
      if (owners === null && webhookId === undefined) {
        const message = "give user_id, org_id or webhook_id";
        return invalid(c, [{ field: "user_id", code: "required", message }]);
      }
      let ownerOfWebhook: OwnerRef | undefined;
      if (webhookId !== undefined) {
        const webhook = await stores.webhooks.get(webhookId);
        if (!webhook || !maySee(c.var.principal, ownerOf(webhook))) {
          return problem(c, "not-found", "there is no webhook with this id");
        }
        if (!webhook.enabled) return webhookDisabled(c, webhook.id);
        ownerOfWebhook = ownerOf(webhook);
      }
      const beforeMs = input.before === undefined ? undefined : timestampMs(input.before);
      const wanted = { ...filterOf(owners, input), beforeMs };
      if (isDryRun) {
        noteForAudit(c, { isDryRun });
        const remaining = (await stores.redelivery.redeliverable(wanted)) ?? 0;
        return c.json({ redelivered: 0, remaining }, 200);
      }
      const done = await stores.redelivery.byFilter(wanted, limit);
      noteForAudit(c, {
        owner: owners?.length === 1 ? owners[0] : ownerOfWebhook,
        about: webhookId,
        details: { redelivered: done.redelivered },
      });
      return c.json(done, 200);
    },
  );

  addSummary(api, stores);
}

function addSummary(api: Api, stores: ApiDeps["stores"]): void {
  const { user_id, org_id } = filter;
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/parked/summary",
      summary: "Count parked deliveries by reason, event type and webhook",
      description:
        "The most frequent come first; at most 100 event types. `by_webhook` has the 100 webhooks with " +
        "the most parked deliveries, and is empty if the request names an owner.",
      tags,
      request: { query: z.strictObject({ user_id, org_id }) },
      responses: {
        200: json(summarySchema, "the counts"),
        ...problems(401, 404, 422, 500, 503),
      },
    }),
    async (c) => {
      const owners = ownersAsked(c.var.principal, c.req.valid("query"));
      if (owners === "hidden") return noSuchOwner(c);
      const [summary, redeliverable] = await Promise.all([
        stores.redelivery.summary({ owners }),
        stores.redelivery.redeliverable({ owners }),
      ]);
      return c.json(
        {
          total: summary.total,
          redeliverable,
          by_reason: summary.byReason,
          by_event: summary.byEvent,
          by_webhook: summary.byWebhook.map(({ webhookId, count }) => ({
            webhook_id: webhookId,
            count,
          })),
        },
        200,
      );
    },
  );
}

function filterOf(
  owners: OwnerRef[] | null,
  { webhook_id: webhookId, reason, event }: { [K in "webhook_id" | "reason" | "event"]?: string },
): ParkedFilter {
  return { owners, webhookId, reason, event };
}

export function webhookDisabled(c: Context<ApiEnv>, webhookId: WebhookId) {
  const detail = `enable it first: POST /v1/webhooks/${webhookId}/enable`;
  return problem(c, "webhook-disabled", detail, { webhookId });
}

function toPublic(parked: ListedParked): z.infer<typeof parkedSchema> {
  const { header } = parked;
  const { kind, id } = splitOwnerRef(header.owner);
  return {
    delivery_id: parked.deliveryId,
    webhook_id: header.webhook_id,
    ...(kind === "user" ? { user_id: id } : { org_id: id }),
    id: header.id,
    event: header.event ?? null,
    reason: header.reason ?? null,
    status_code: header.status_code ?? null,
    attempt: header.attempt,
    parked_at: new Date(parked.parkedAtMs).toISOString(),
    expires_at: new Date(parked.expiresAtMs).toISOString(),
    size: parked.size,
  };
}

function cursorAt({ parkedAtMs, delivery }: ParkedPosition): string {
  return Buffer.from(`${parkedAtMs} ${delivery}`).toString("base64url");
}

function readPosition(cursor: string): ParkedPosition {
  const [, parkedAtMs = "", delivery = ""] = POSITION.exec(positionIn(cursor)) ?? [];
  return { parkedAtMs: Number(parkedAtMs), delivery: delivery as DeliveryName };
}
