// GET /v1/deliveries/… and POST /v1/deliveries/…/verify: one attempt in full, and whether its signatures match
// the secrets of now.
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { InspectedDelivery } from "../control/inspect-delivery.ts";
import { signAgain } from "../control/sign-again.ts";
import { checkSignatures } from "../control/verify-attempt.ts";
import {
  attemptInFullSchema,
  signatureCheckSchema,
  signedAgainSchema,
  type AttemptInFull,
} from "../wire/attempt-answer.ts";
import { attemptParts, placeAnswer } from "./attempt-answer.ts";
import { curlCommand } from "../wire/curl.ts";
import { asDeliveryId, deliveryParams } from "./delivery-param.ts";
import { READS } from "./auth/access.ts";
import type { ApiDeps } from "./deps.ts";
import type { ApiEnv } from "./http/env.ts";
import { json, problems, type Api } from "./http/openapi.ts";
import { problem } from "./http/problem.ts";
import { unreadable } from "./webhooks/secrets.ts";

const NOT_KNOWN =
  "the delivery is not scheduled, not parked and not among its owner's last attempts";

export function addAttempts(api: Api, { stores, now }: ApiDeps): void {
  const find = async (c: Context<ApiEnv>, text: string) => {
    const uuid = asDeliveryId(text);
    const { principal } = c.var;
    if (uuid === null) return null;
    return stores.inspector.inspect(uuid, principal.kind === "owner" ? principal.owner : null);
  };

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/deliveries/{delivery_id}",
      summary: "Read one attempt in full: what was sent and answered, and what happens next",
      description:
        "Of an owner's last attempts and of each webhook's last failed ones (`FLUXHOOK_FAILURES_SIZE`). " +
        "Credentials, cookies and the webhook's own headers that look like one are masked. " +
        "`FLUXHOOK_LOG_DETAIL` bounds what is kept; without it `request` has the body alone.",
      tags: ["deliveries"],
      request: { params: deliveryParams },
      responses: {
        200: json(attemptInFullSchema, "the attempt"),
        ...problems(401, 404, 500, 503),
      },
    }),
    async (c) => {
      const { delivery_id } = c.req.valid("param");
      const found = await find(c, delivery_id);
      if (found === null) return problem(c, "not-found", NOT_KNOWN);
      return c.json(
        {
          delivery_id: delivery_id.toLowerCase(),
          webhook_id: found.webhookId,
          attempt: found.entry,
          ...attemptParts(found),
          attempts: found.attempts,
          ...placeAnswer(found.place),
          remaining_attempts: found.remainingAttempts,
          redeliver: redeliverAnswer(found),
        },
        200,
      );
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/deliveries/{delivery_id}/verify",
      summary: "Say whether an attempt's signatures match the webhook's secrets of now",
      description:
        "Computes them again, and changes nothing. A signature that does not match was made by a secret " +
        "whose grace period is over.",
      tags: ["deliveries"],
      ...READS,
      request: { params: deliveryParams },
      responses: {
        200: json(signatureCheckSchema, "what matches"),
        ...problems(401, 404, 409, 410, 500, 503),
      },
    }),
    async (c) => {
      const found = await find(c, c.req.valid("param").delivery_id);
      if (found === null) return problem(c, "not-found", NOT_KNOWN);
      const { detail, body, webhookId } = found;
      const webhook = await stores.webhooks.get(webhookId);
      if (webhook === null) return problem(c, "gone", "the webhook of the delivery was deleted");
      if (webhook.secrets.length === 0) return unreadable(c, webhook);
      if (detail === null || detail.request_head === "" || !("text" in body)) {
        return problem(c, "gone", "what the attempt sent is not kept, or it sent nothing");
      }
      const checked = await checkSignatures(detail, body.text, webhook, now().getTime());
      const standard = checked.find(({ header }) => header.toLowerCase() === "webhook-signature");
      return c.json(
        {
          signature_matches: checked.length > 0 && checked.every(({ secret }) => secret !== null),
          signed_content: (standard?.signedPrefix ?? "") + body.text,
          signatures: checked.map(({ header, secret, signedPrefix }) => ({
            header,
            matches: secret !== null,
            secret,
            signed_prefix: signedPrefix,
          })),
        },
        200,
      );
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/deliveries/{delivery_id}/sign",
      summary: "Make an attempt's request again, with a signature of now, to send it by hand",
      description:
        "Nothing is sent. The answer has the webhook's url and headers as they are now, with their " +
        "credentials, and a signature by each of its secrets.",
      tags: ["deliveries"],
      request: { params: deliveryParams },
      responses: {
        200: json(signedAgainSchema, "the request"),
        ...problems(401, 404, 409, 410, 500, 503),
      },
    }),
    async (c) => {
      const { delivery_id } = c.req.valid("param");
      const found = await find(c, delivery_id);
      const uuid = asDeliveryId(delivery_id.toLowerCase());
      if (found === null || uuid === null) return problem(c, "not-found", NOT_KNOWN);
      const webhook = await stores.webhooks.get(found.webhookId);
      if (webhook === null) return problem(c, "gone", "the webhook of the delivery was deleted");
      if (webhook.secrets.length === 0) return unreadable(c, webhook);
      if (!("text" in found.body)) return problem(c, "gone", "the body of the attempt is not kept");
      const request = await signAgain(found.body, uuid, webhook, now().getTime());
      return c.json({ ...request, headers: [...request.headers], curl: curlCommand(request) }, 200);
    },
  );
}

function redeliverAnswer({
  redeliverRefusal: refusal,
  isTest,
}: InspectedDelivery): AttemptInFull["redeliver"] {
  if (refusal === null) return { possible: true, why_not: null };
  return { possible: false, why_not: isTest ? "test" : whyNot(refusal) };
}

function whyNot(refusal: NonNullable<InspectedDelivery["redeliverRefusal"]>) {
  switch (refusal.kind) {
    case "unknown":
      return "not-kept";
    case "in-flight":
      return "in-flight";
    case "disabled":
      return "webhook-disabled";
    case "not-available":
      return refusal.why === "webhook-deleted" ? "webhook-deleted" : "body-not-kept";
  }
}
