// GET /v1/webhooks/…/failures: the last failed attempts of a webhook, in full. The owner's log has its last
// attempts of all; these stay when others follow.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { MAX_FAILURE_BYTES } from "../../valkey/history/failure-store.ts";
import { logEntrySchema } from "../../wire/log-entry.ts";
import { attemptPartsSchema } from "../../wire/attempt-answer.ts";
import { attemptParts } from "../attempt-answer.ts";
import type { ApiDeps } from "../deps.ts";
import { json, problems, type Api } from "../http/openapi.ts";
import { findWebhook, noSuchWebhook, webhookIdParam } from "./find.ts";

const failuresSchema = z.object({
  failures: z.array(
    attemptPartsSchema.extend({ attempt: logEntrySchema }).meta({ id: "FailedAttempt" }),
  ),
});

export function addWebhookFailures(api: Api, { stores }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/webhooks/{id}/failures",
      summary: "List the last failed attempts of a webhook, in full",
      description:
        "At most `FLUXHOOK_FAILURES_SIZE` of each webhook, kept for as long as a log " +
        `(\`FLUXHOOK_LOG_TTL\`), and at most ${MAX_FAILURE_BYTES / 1024} KiB of each owner: beyond that ` +
        "the oldest are dropped. A body above 16 KiB is not kept.",
      tags: ["webhooks"],
      request: { params: webhookIdParam },
      responses: {
        200: json(failuresSchema, "newest first"),
        ...problems(401, 404, 500, 503),
      },
    }),
    async (c) => {
      const record = await findWebhook(c, stores.webhooks, c.req.valid("param").id);
      if (!record) return noSuchWebhook(c);
      const failures = await stores.inspector.failuresOf(record);
      return c.json(
        { failures: failures.map((one) => ({ attempt: one.entry, ...attemptParts(one) })) },
        200,
      );
    },
  );
}
