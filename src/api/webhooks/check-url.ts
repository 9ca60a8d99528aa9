// POST /v1/check-url: the guard's verdict on a url before a webhook is saved. It tells a user no more than
// saving and testing the webhook would, and it is limited like a test: each call may ask a name server.
import { READS } from "../auth/access.ts";
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { FixedWindow } from "../../fixed-window.ts";
import { webhookPatchSchema } from "../../wire/webhook.ts";
import type { ApiDeps } from "../deps.ts";
import { jsonBody, SMALL_BODY_BYTES } from "../http/body.ts";
import { json, jsonInput, problems, type Api } from "../http/openapi.ts";
import { problem } from "../http/problem.ts";

const MAX_RUNNING = 32;
const RETRY_WHEN_BUSY_S = 1;
/** A form checks once for each pause in the typing. */
const MAX_PER_WINDOW = 120;
const WINDOW_MS = 60_000;
const MAX_OWNERS = 10_000;

const checkedSchema = z
  .object({
    verdict: z
      .enum(["allowed", "denied", "unresolved"])
      .describe(
        "`denied`: it cannot be saved; `unresolved`: it can, but its name has no address now",
      ),
    message: z.string().nullable().describe("why it is denied, or does not resolve"),
  })
  .meta({ id: "UrlChecked" });

export function addUrlCheck(api: Api, { stores, now }: ApiDeps): void {
  const windows = new FixedWindow<string>(WINDOW_MS, MAX_OWNERS);
  let running = 0;

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/check-url",
      summary: "Check the URL of a webhook before it is saved",
      description:
        "The check of `POST /v1/webhooks`: its form, and whether the egress settings allow the addresses of " +
        "its name. Nothing is sent there. An owner can check 120 URLs a minute.",
      tags: ["webhooks"],
      ...READS,
      middleware: [jsonBody(SMALL_BODY_BYTES)],
      request: {
        body: jsonInput(
          z.strictObject({ url: webhookPatchSchema.shape.url.unwrap() }).meta({ id: "UrlToCheck" }),
        ),
      },
      responses: {
        200: json(checkedSchema, "what saving it would answer"),
        ...problems(400, 401, 413, 415, 422, 429, 500),
      },
    }),
    async (c) => {
      const { principal } = c.var;
      const caller = principal.kind === "owner" ? principal.owner : principal.kind;
      const { count, retryAfterS } = windows.count(caller, now().getTime());
      if (count > MAX_PER_WINDOW || running >= MAX_RUNNING) {
        const isBusy = count <= MAX_PER_WINDOW;
        return problem(c, "too-many-tests", "too many URLs are being checked", {
          headers: { "Retry-After": String(isBusy ? RETRY_WHEN_BUSY_S : retryAfterS) },
        });
      }
      running += 1;
      try {
        return c.json(await stores.webhooks.checkUrl(c.req.valid("json").url), 200);
      } finally {
        running -= 1;
      }
    },
  );
}
