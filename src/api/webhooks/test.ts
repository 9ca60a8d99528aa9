// POST /v1/webhooks/…/test: sends one `webhook.test` event now and answers with the attempt. Envelope,
// signature and guard are those of a delivery. It is sent once, to a disabled webhook too, and changes no
// health.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { logEntrySchema } from "../../wire/log-entry.ts";
import { MAX_TIMEOUT_MS, ownerOf } from "../../wire/webhook.ts";
import type { ApiDeps } from "../deps.ts";
import { newId } from "../../wire/new-id.ts";
import { json, problems, type Api } from "../http/openapi.ts";
import { findWebhook, noSuchWebhook, webhookIdParam } from "./find.ts";
import { problem } from "../http/problem.ts";
import { TestLimit } from "./test-limit.ts";
import { unreadable } from "./secrets.ts";

/** Bun closes a connection that is silent for 10 s; an attempt may take longer. */
const SILENT_FOR_S = MAX_TIMEOUT_MS / 1_000 + 10;

export function addWebhookTest(api: Api, { stores, sendTest, now }: ApiDeps): void {
  const limit = new TestLimit();

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/webhooks/{id}/test",
      summary: "Send one `webhook.test` event now, and answer with the attempt",
      description:
        "It is signed and guarded like any delivery, with the webhook's own time-out. It is sent " +
        "whatever the webhook's patterns and filter are, and to a disabled webhook too. It counts neither for the " +
        "health nor for the disable rule, and it is logged in the owner's log. It is not retried: a " +
        "failed test has the outcome `parked`, and is not kept. The webhooks of an owner can be tested " +
        "20 times a minute, and each webhook by two tests at a time.",
      tags: ["webhooks"],
      request: { params: webhookIdParam },
      responses: {
        200: json(z.object({ attempt: logEntrySchema }), "the attempt, whatever its outcome"),
        ...problems(401, 404, 409, 429, 500, 503),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const record = await findWebhook(c, stores.webhooks, id);
      if (!record) return noSuchWebhook(c);
      if (record.secrets.length === 0) return unreadable(c, record);
      const permit = limit.take(ownerOf(record), record.id, now().getTime());
      if (!permit.granted) {
        return problem(c, "too-many-tests", permit.detail, {
          headers: { "Retry-After": String(permit.retryAfterS) },
        });
      }
      try {
        c.env?.timeout?.(c.req.raw, SILENT_FOR_S);
        return c.json({ attempt: await sendTest(record, newId("evt")) }, 200);
      } finally {
        permit.done();
      }
    },
  );
}
