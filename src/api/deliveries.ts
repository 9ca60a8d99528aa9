// POST /v1/deliveries/…/redeliver: redelivers one delivery, by the UUID of any of its attempts.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { MAX_STORED_BODY_BYTES } from "../valkey/history/body-store.ts";
import { asDeliveryId, deliveryParams } from "./delivery-param.ts";
import { noteForAudit } from "./auth/audit.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";
import { webhookDisabled } from "./parked.ts";
import { problem } from "./http/problem.ts";

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
      request: { params: deliveryParams },
      responses: {
        202: json(z.object({ delivery_id: z.string() }), "the UUID of the next attempt"),
        ...problems(401, 404, 409, 410, 500, 503),
      },
    }),
    async (c) => {
      const { principal } = c.var;
      const uuid = asDeliveryId(c.req.valid("param").delivery_id);
      const only = principal.kind === "owner" ? principal.owner : null;
      const result =
        uuid === null ? ({ kind: "unknown" } as const) : await stores.redelivery.one(uuid, only);
      switch (result.kind) {
        case "redelivered":
          noteForAudit(c, { owner: result.owner });
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
