// `verify` for receivers: synchronous, on any runtime, without a client.
import { decodeUtf8 } from "../wire/bytes.ts";
import { isJsonObject } from "../wire/json-object.ts";
import { checkCopied } from "../wire/secret.ts";
import { Signer } from "../wire/signature.ts";
import { matchClaim, type Secret } from "./match-claim.ts";
import { bytesOf, type RawBody } from "./raw-body.ts";
import type { SignatureOrHeaders } from "./request-headers.ts";
import { carriesTime, readClaim } from "./signature-claim.ts";
import { WebhookVerificationError } from "./verification-error.ts";
import type { WebhookEvent } from "./webhook-events.ts";

export { WebhookVerificationError, type VerificationCode } from "./verification-error.ts";
export type * from "./webhook-events.ts";

export interface VerifyOptions {
  /**
   * Maximum difference between the request's time and this machine's, in seconds; default 300,
   * `Infinity` for any. It limits how long a captured request can be replayed.
   */
  toleranceSeconds?: number;
  /**
   * Refuses requests without a time. The signatures of `fluxdrop` and `fluxdesk` cover only the body, so
   * a captured request without its `webhook-*` headers could be replayed for ever. Fluxhook sends those
   * headers with every request. Default `false`.
   */
  requireTime?: boolean;
  /** The current time in Unix seconds, for tests and for stored requests. */
  nowSeconds?: number;
}

/**
 * Verifies that Fluxhook sent a request, and returns its parsed body.
 *
 * ```ts
 * import { verify, type FluxdropEvent } from "fluxhook";
 *
 * try {
 *   const event = verify<FluxdropEvent>(rawBody, request.headers, secret);
 *   console.log(event.id, event.event, event.data);
 * } catch (error) {
 *   return new Response(null, { status: 401 });
 * }
 * ```
 *
 * With all headers, it verifies `webhook-signature`, which covers id, time and body; or, if there is no
 * `webhook-*` header, the dialect's own signature. With only the value of a signature header, the form
 * shows the dialect: `t=…,v1=…` (`flux`), `v1=…` (`fluxdesk`), hex (`fluxdrop`).
 *
 * The type parameter is the body's type in the webhook's dialect. It is not checked: `verify` checks only
 * the signature, and that the body is a JSON object. An event may arrive twice, with the same id.
 *
 * @param payload The raw body, as bytes or text; not parsed.
 * @param signature The request's headers (`Headers`, or an object as in Node), or the value of its
 *   signature header.
 * @param secret The webhook's secret as shown; several during a rotation.
 * @returns The parsed body.
 * @throws {WebhookVerificationError} The request is not genuine: `code` is the reason. Answer 401.
 * @throws {TypeError} Wrong arguments: a parsed body, no secret. Answer 500.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the receiver says which dialect its webhook has
export function verify<Event extends object = WebhookEvent>(
  payload: RawBody,
  signature: SignatureOrHeaders,
  secret: string | readonly string[],
  options: VerifyOptions = {},
): Event {
  const body = bytesOf(payload);
  const secrets = checkedSecrets(secret);
  const { requireTime = false, ...when } = checkedOptions(options);
  const claim = readClaim(signature);
  if (claim.kind === "missing") {
    throw new WebhookVerificationError("missing-header", claim.header, claim.advice);
  }
  if (requireTime && claim.kind === "own" && !carriesTime(claim.ownSignature)) {
    throw new WebhookVerificationError("missing-header", "webhook-timestamp");
  }
  const verdict = matchClaim(claim, body, secrets, when);
  if (!verdict.ok) throw new WebhookVerificationError(verdict.failure, verdict.header);
  return parsed(body) as Event;
}

/** No message contains the secret, even if it is malformed. */
function checkedSecrets(secret: unknown): Secret[] {
  const texts: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
  if (texts.length === 0)
    throw new TypeError("The secret is missing: the list of secrets is empty");
  return texts.map((text) => {
    if (typeof text !== "string" || text === "") {
      throw new TypeError(
        "The secret is missing: pass the webhook's secret as shown when it was created",
      );
    }
    const problem = checkCopied(text);
    if (problem !== null) throw new TypeError(`The secret ${problem}`);
    try {
      return { text, signer: new Signer(text) };
    } catch (cause) {
      throw new TypeError(
        "The secret is malformed: after whsec_ it must be padded base64, exactly as shown",
        { cause },
      );
    }
  });
}

function checkedOptions({
  nowSeconds = Date.now() / 1_000,
  ...options
}: VerifyOptions): VerifyOptions & { nowSeconds: number } {
  // NaN is neither too old nor too new, so every replay would pass.
  if (options.toleranceSeconds !== undefined && !(options.toleranceSeconds >= 0)) {
    throw new TypeError("toleranceSeconds must be a number of seconds, 0 or more");
  }
  if (!Number.isFinite(nowSeconds)) throw new TypeError("nowSeconds must be a number of seconds");
  return { ...options, nowSeconds };
}

/**
 * Accepts only an object. What one form of signature covers would, under another form, begin with an id
 * or a time, and so not be an object. Thus a signature is valid only in the form that it was made for.
 */
function parsed(body: Uint8Array): object {
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(body) ?? "");
  } catch {
    value = null;
  }
  if (isJsonObject(value)) return value;
  throw new WebhookVerificationError("bad-body", null);
}
