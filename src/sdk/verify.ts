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
   * How far the request's time may be from this machine's, in seconds, both ways: 300 unless given,
   * `Infinity` for any. It bounds how long a captured request can be replayed.
   */
  toleranceSeconds?: number;
  /**
   * Refuses what carries no time: the signatures of `fluxdrop` and `fluxdesk` cover the body alone,
   * so a captured request whose `webhook-*` headers were taken away could be replayed for ever.
   * Fluxhook sends those headers with every request; `false` unless given.
   */
  requireTime?: boolean;
  /** The time now in Unix seconds, for tests and for requests that were stored. */
  nowSeconds?: number;
}

/**
 * Verifies that Fluxhook sent a request, and returns its body, parsed.
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
 * Given all headers, it verifies `webhook-signature`, which covers id, time and body, and where no
 * `webhook-*` header is there the dialect's own signature. Given the value of a signature header
 * alone, its form tells the dialect: `t=…,v1=…` (`flux`), `v1=…` (`fluxdesk`), hex (`fluxdrop`).
 *
 * The type parameter names the dialect of the webhook; nothing but the signature and that the body
 * is a JSON object is checked. An event may arrive twice, with the same id.
 *
 * @param payload The raw body, as bytes or text: not what a JSON parser made of it.
 * @param signature The request's headers (`Headers`, or an object as Node has it), or the value of
 *   its signature header.
 * @param secret The webhook's secret as it was shown; several while it is being rotated.
 * @returns The body, parsed.
 * @throws {WebhookVerificationError} The request is not genuine: `code` says why. Answer 401.
 * @throws {TypeError} It was called wrongly: a parsed body, no secret. Answer 500.
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

/** The secret itself is in no message, not even where it is malformed. */
function checkedSecrets(secret: unknown): Secret[] {
  const texts: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
  if (texts.length === 0)
    throw new TypeError("The secret is missing: the list of secrets is empty");
  return texts.map((text) => {
    if (typeof text !== "string" || text === "") {
      throw new TypeError(
        "The secret is missing: pass the webhook's secret as it was shown at its creation",
      );
    }
    const problem = checkCopied(text);
    if (problem !== null) throw new TypeError(`The secret ${problem}`);
    try {
      return { text, signer: new Signer(text) };
    } catch (cause) {
      throw new TypeError(
        "The secret is malformed: one that begins with whsec_ must be that and padded base64, as it was shown",
        { cause },
      );
    }
  });
}

function checkedOptions({
  nowSeconds = Date.now() / 1_000,
  ...options
}: VerifyOptions): VerifyOptions & { nowSeconds: number } {
  // NaN would compare as neither too old nor too new, and every replay would pass.
  if (options.toleranceSeconds !== undefined && !(options.toleranceSeconds >= 0)) {
    throw new TypeError("toleranceSeconds must be a number of seconds, 0 or more");
  }
  if (!Number.isFinite(nowSeconds)) throw new TypeError("nowSeconds must be a number of seconds");
  return { ...options, nowSeconds };
}

/**
 * Only an object: what one form of signature covers, read as another form, begins with an id or a
 * time and so is none. That keeps a signature from vouching for anything but what it was made for.
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
