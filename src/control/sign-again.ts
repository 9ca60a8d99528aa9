// Makes the request of an attempt once more, with a signature of now, for its owner to send by hand.
import { mergeHeaders } from "../delivery/http/request.ts";
import { readTarget } from "../delivery/guard/target.ts";
import type { DeliveryId } from "../wire/ids.ts";
import type { CurlRequest } from "../wire/curl.ts";
import { Signer, signRequest } from "../wire/signature.ts";
import type { WebhookRecord } from "../wire/webhook.ts";
import type { BodySource } from "./inspect-delivery.ts";

/** Signs by the secrets that the webhook has at `nowMs`. It has to have one. */
export async function signAgain(
  body: { text: string; from: BodySource },
  deliveryId: DeliveryId,
  webhook: WebhookRecord,
  nowMs: number,
): Promise<CurlRequest> {
  const { dialect, eventId, eventType, traceparent } = body.from;
  const secrets = webhook.secrets
    .filter(({ expires_at }) => expires_at === null || Date.parse(expires_at) > nowMs)
    .map(({ secret }) => new Signer(secret));
  const signed = await signRequest({
    dialect,
    secrets,
    eventId,
    eventType,
    deliveryId,
    unixSeconds: Math.floor(nowMs / 1_000),
    body: body.text,
    bodyBytes: new TextEncoder().encode(body.text),
  });
  if (traceparent !== undefined) signed["traceparent"] = traceparent;
  const authorization = readTarget(webhook.url)?.authorization ?? null;
  const headers = mergeHeaders(webhook.headers, authorization, signed);
  return {
    url: webhook.url,
    headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
    body: body.text,
  };
}
