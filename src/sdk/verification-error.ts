// Why a request was refused, with a message for the receiver's own log that says what to do. Nothing
// of a secret, a signature or a body is in it (guarantee 9).

/**
 * Why a request is not genuine:
 *
 * - `missing-header`: a header that is needed is not there
 * - `bad-id`: `webhook-id` has a dot, which would make unclear what was signed
 * - `bad-timestamp`: the time is no number of Unix seconds
 * - `too-old`, `too-new`: the time is further from this machine's than the tolerance
 * - `no-matching-signature`: no signature in the header is one by any of the secrets
 * - `bad-body`: the signature is right, and the body is no JSON object
 */
export type VerificationCode =
  | "missing-header"
  | "bad-id"
  | "bad-timestamp"
  | "too-old"
  | "too-new"
  | "no-matching-signature"
  | "bad-body";

const ADVICE: Record<VerificationCode, string> = {
  "missing-header":
    "Pass the request's headers as they came, and let every proxy in between forward them",
  "bad-id": "Fluxhook sends no such id: refuse the request",
  "bad-timestamp": "Fluxhook sends Unix seconds: refuse the request",
  "too-old":
    "It is a replay, or waited somewhere, or this machine's clock is ahead: check the clock, or widen toleranceSeconds",
  "too-new": "This machine's clock is behind: check it, or widen toleranceSeconds",
  "no-matching-signature":
    "Check that the secret is this webhook's, as it was shown, and that the payload is the raw body: JSON that was parsed and written again has another signature",
  "bad-body": "It was not sent by Fluxhook, which signs JSON objects only: refuse the request",
};

const FOUND: Record<VerificationCode, (header: string) => string> = {
  "missing-header": (header) => `there is no ${header} header`,
  "bad-id": (header) => `${header} has a dot in it`,
  "bad-timestamp": (header) => `the time in ${header} is no number of seconds`,
  "too-old": (header) => `the time in ${header} is too long ago`,
  "too-new": (header) => `the time in ${header} is too far ahead`,
  "no-matching-signature": (header) => `no signature in ${header} matches`,
  "bad-body": () => "the body is no JSON object",
};

/** Thrown by `verify` where the request is not genuine: answer 401, and act on nothing of it. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";

  /** Why, for a decision; the message is for people. */
  readonly code: VerificationCode;
  /** The header at fault, in lower case; null where it is the body. */
  readonly header: string | null;

  constructor(code: VerificationCode, header: string | null, advice: string = ADVICE[code]) {
    super(`The webhook was refused: ${FOUND[code](header ?? "")}. ${advice}.`);
    this.code = code;
    this.header = header;
  }
}
