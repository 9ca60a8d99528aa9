// POST /v1/webhooks/…/test: one event `webhook.test` now, and what came of it. As a delivery in its
// envelope, signature and guard; but once, whatever the webhook's state, and without consequences.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { logEntrySchema } from "../wire/log-entry.ts";
import { MAX_TIMEOUT_MS, ownerOf } from "../wire/webhook.ts";
import { maySee } from "./auth.ts";
import type { ApiDeps } from "./deps.ts";
import { newId } from "./new-id.ts";
import { json, problems, type Api } from "./openapi.ts";
import { problem } from "./problem.ts";
import { TestBudget } from "./test-budget.ts";
import { unreadable } from "./webhook-secrets.ts";

const one = z.object({ id: z.string().meta({ example: "wh_3vJ8kQm2ZpXr6Tn0YbLcW9dA" }) });
const WEBHOOK_ID = /^wh_[A-Za-z0-9_-]{1,64}$/;

/** Bun closes a connection that is silent for 10 s, and an attempt may take longer than that. */
const SILENT_FOR_S = MAX_TIMEOUT_MS / 1_000 + 10;

export function addWebhookTest(api: Api, { stores, sendTest, now }: ApiDeps): void {
  const budget = new TestBudget();

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/webhooks/{id}/test",
      summary: "Send one event `webhook.test` now, and answer with the attempt",
      description:
        "Signed and guarded as any delivery, within the webhook's own time-out. It is sent whatever " +
        "the webhook's patterns are and also where it is disabled, it counts neither for its health " +
        "nor for its disable rule, and it stands in its owner's log. It is not tried again: one that " +
        "fails has the outcome `parked`, and nothing is kept of it. An owner's webhooks can be tested " +
        "20 times a minute, two tests at a time of each.",
      tags: ["webhooks"],
      request: { params: one },
      responses: {
        200: json(z.object({ attempt: logEntrySchema }), "the attempt, whatever came of it"),
        ...problems(401, 404, 429, 500, 503),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const record = WEBHOOK_ID.test(id) ? await stores.webhooks.get(id) : null;
      // Null also for another owner's webhook: whether it exists is not the asker's business.
      if (!record || !maySee(c.var.principal, ownerOf(record))) {
        return problem(c, "not-found", "there is no webhook with this id");
      }
      if (record.secrets.length === 0) return unreadable(c);
      const permit = budget.take(ownerOf(record), record.id, now().getTime());
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
