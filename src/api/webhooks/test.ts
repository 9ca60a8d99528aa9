// POST /v1/webhooks/…/test: sends one event now and answers with the attempt. Envelope,
// signature and guard are those of a delivery. It is sent once, to a disabled webhook too, and changes no
// health.
import { createRoute } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { z } from "zod";
import { sampleOf } from "../../wire/event-catalogue.ts";
import { EVENT_TYPE_ACCEPTED, EVENT_TYPE_FORM, isEventType } from "../../wire/event-pattern.ts";
import { logEntrySchema } from "../../wire/log-entry.ts";
import { MAX_TIMEOUT_MS, ownerOf } from "../../wire/webhook.ts";
import type { ApiDeps } from "../deps.ts";
import type { ApiEnv } from "../http/env.ts";
import { newId } from "../../wire/new-id.ts";
import { jsonBody, optionalBody, SMALL_BODY_BYTES } from "../http/body.ts";
import { json, jsonInput, problems, type Api } from "../http/openapi.ts";
import { findWebhook, noSuchWebhook, webhookIdParam } from "./find.ts";
import { invalid, problem } from "../http/problem.ts";
import { TestLimit } from "./test-limit.ts";
import { unreadable } from "./secrets.ts";

/** Bun closes a connection that is silent for 10 s; an attempt may take longer. */
const SILENT_FOR_S = MAX_TIMEOUT_MS / 1_000 + 10;

const DEFAULT_TYPE = "webhook.test";

const testSchema = z
  .strictObject({
    event: z
      .string({ error: "must be a string" })
      .refine(isEventType, { error: `must be ${EVENT_TYPE_ACCEPTED}` })
      .meta(EVENT_TYPE_FORM)
      .default(DEFAULT_TYPE)
      .describe("a type of which GET /v1/sample has a sample, or `webhook.test`"),
  })
  .meta({ id: "WebhookTest" });

/** Before `optionalBody`, which replaces the request that Bun knows. */
const staysOpen: MiddlewareHandler<ApiEnv> = async (c, next) => {
  c.env?.timeout?.(c.req.raw, SILENT_FOR_S);
  return next();
};

export function addWebhookTest(api: Api, { stores, sendTest, config, now }: ApiDeps): void {
  const limit = new TestLimit();

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/webhooks/{id}/test",
      summary: "Send one event now, and answer with the attempt",
      description:
        "The event is `webhook.test`, or the sample of the type that `event` names. " +
        "It is signed and guarded like any delivery, with the webhook's own time-out. It is sent " +
        "whatever the webhook's patterns and filter are, and to a disabled webhook too. It counts neither for the " +
        "health nor for the disable rule, and it is logged in the owner's log. It is not retried: a " +
        "failed test has the outcome `parked`, and is not kept. The webhooks of an owner can be tested " +
        "20 times a minute, and each webhook by two tests at a time.",
      tags: ["webhooks"],
      middleware: [staysOpen, optionalBody, jsonBody(SMALL_BODY_BYTES)],
      request: { params: webhookIdParam, body: { ...jsonInput(testSchema), required: false } },
      responses: {
        200: json(z.object({ attempt: logEntrySchema }), "the attempt, whatever its outcome"),
        ...problems(400, 401, 404, 409, 413, 415, 422, 429, 500, 503),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const record = await findWebhook(c, stores.webhooks, id);
      if (!record) return noSuchWebhook(c);
      const { event: type } = c.req.valid("json");
      const data =
        type === DEFAULT_TYPE
          ? JSON.stringify({ title: "A test of this webhook", webhook_id: record.id })
          : sampleOf(config.eventCatalogue ?? [], type);
      if (data === null) {
        const message =
          "no sample of this event type is known; GET /v1/event-types lists the types";
        return invalid(c, [{ field: "event", code: "no_sample", message }]);
      }
      if (record.secrets.length === 0) return unreadable(c, record);
      const permit = limit.take(ownerOf(record), record.id, now().getTime());
      if (!permit.granted) {
        return problem(c, "too-many-tests", permit.detail, {
          headers: { "Retry-After": String(permit.retryAfterS) },
        });
      }
      try {
        return c.json({ attempt: await sendTest(record, { id: newId("evt"), type, data }) }, 200);
      } finally {
        permit.done();
      }
    },
  );
}
