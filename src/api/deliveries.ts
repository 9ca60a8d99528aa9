// POST /v1/deliveries/…/redeliver: redelivers one delivery, by the UUID of any of its attempts.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { MAX_STORED_BODY_BYTES } from "../valkey/history/body-store.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";
import { webhookDisabled } from "./parked.ts";
import { problem } from "./http/problem.ts";

const UUID_PATTERN = "^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";
const UUID = new RegExp(UUID_PATTERN);

const params = z.object({
  delivery_id: z
    .string()
    .describe("the UUID of any attempt, as in the delivery header and in the log")
    .meta({
      format: "uuid",
      pattern: UUID_PATTERN,
      example: "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001",
    }),
});

export function addDeliveries(api: Api, { stores }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/deliveries/{delivery_id}/redeliver",
      summary: "Redeliver one delivery: scheduled, parked or among its owner's last attempts",
      description:
        "A scheduled delivery makes its next attempt now. A delivered or parked one becomes a new " +
        "delivery of the same event id, starting with attempt 1.",
      tags: ["deliveries"],
      request: { params },
      responses: {
        202: json(z.object({ delivery_id: z.string() }), "the UUID of the next attempt"),
        ...problems(401, 404, 409, 410, 500, 503),
      },
    }),
    async (c) => {
      const { principal } = c.var;
      const uuid = c.req.valid("param").delivery_id;
      const result = UUID.test(uuid)
        ? await stores.redelivery.one(uuid, principal.kind === "owner" ? principal.owner : null)
        : ({ kind: "unknown" } as const);
      switch (result.kind) {
        case "redelivered":
          return c.json({ delivery_id: result.deliveryId }, 202);
        case "unknown":
          return problem(
            c,
            "not-found",
            "the delivery is not scheduled, not parked and not among its owner's last attempts",
          );
        case "in-flight":
          return problem(
            c,
            "in-flight",
            "the next attempt of the delivery is running or about to start",
          );
        case "disabled":
          return webhookDisabled(c, result.webhookId);
        case "not-available":
          return problem(
            c,
            "gone",
            result.why === "webhook-deleted"
              ? "the webhook of the delivery was deleted"
              : `the body of the delivery was not kept: it is larger than ${MAX_STORED_BODY_BYTES / 1024} KiB`,
          );
      }
    },
  );
}
