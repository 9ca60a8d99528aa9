// /v1/sample: an example of one event type, as a producer pushes it and as a receiver gets it.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { DIALECT_NAMES, dialectOf } from "../wire/dialects/registry.ts";
import { sampleOf } from "../wire/event-catalogue.ts";
import { EVENT_TYPE_ACCEPTED, EVENT_TYPE_FORM, isEventType } from "../wire/event-pattern.ts";
import { Signer, signRequest } from "../wire/signature.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";
import { problem } from "./http/problem.ts";

/** From the specification of Standard Webhooks: nobody's. */
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const EVENT_ID = "evt_3vJ8kQm2ZpXr6Tn0YbLcW9dA";
const DELIVERY_ID = "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001";

const sampleSchema = z
  .object({
    event: z.string(),
    data: z.string().describe("the text of the event's `data`, a JSON object"),
    request: z
      .object({
        headers: z.record(z.string(), z.string()),
        body: z.string().describe("the exact text that `headers` sign"),
        secret: z.string().describe("signs this sample only"),
      })
      .describe("what a receiver of the dialect gets"),
  })
  .meta({ id: "Sample" });

export function addSample(api: Api, { config, now }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/sample",
      summary: "Get a sample of an event type",
      description:
        "Of the operator's catalogue, or of a dialect. `data` is for `POST /v1/events`; `request` is what " +
        "a receiver gets, signed with a secret of this sample's own, so that it can be tried on a verifier.",
      tags: ["events"],
      request: {
        query: z.strictObject({
          event: z
            .string({ error: "must be given once" })
            .refine(isEventType, { error: `must be ${EVENT_TYPE_ACCEPTED}` })
            .meta({ ...EVENT_TYPE_FORM, example: "file.created" }),
          dialect: z.enum(DIALECT_NAMES).default("fluxdrop"),
        }),
      },
      responses: { 200: json(sampleSchema, "the sample"), ...problems(401, 404, 422, 500) },
    }),
    async (c) => {
      const { event, dialect: name } = c.req.valid("query");
      const data = sampleOf(config.eventCatalogue ?? [], event);
      if (data === null) {
        const detail = "no sample of this event type is known; GET /v1/event-types lists the types";
        return problem(c, "not-found", detail);
      }
      const dialect = dialectOf(name);
      const at = now();
      const envelope = { id: EVENT_ID, type: event, timestamp: at.toISOString(), data };
      const body = dialect.envelope(envelope);
      const headers = await signRequest({
        dialect,
        secrets: [new Signer(SECRET)],
        eventId: EVENT_ID,
        eventType: event,
        deliveryId: DELIVERY_ID,
        unixSeconds: Math.floor(at.getTime() / 1_000),
        body,
        bodyBytes: new TextEncoder().encode(body),
      });
      return c.json({ event, data, request: { headers, body, secret: SECRET } }, 200);
    },
  );
}
