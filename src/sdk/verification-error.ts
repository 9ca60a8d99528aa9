// Why `verify` refused a request, with a message for the receiver's log that says what to do. The message
// contains no part of a secret, a signature or a body (guarantee 9).

/**
 * Why a request is not genuine:
 *
 * - `missing-header`: a required header is missing
 * - `bad-id`: `webhook-id` has a dot, which makes the signed text ambiguous
 * - `bad-timestamp`: the time is not a number of Unix seconds
 * - `too-old`, `too-new`: the time differs from this machine's by more than the tolerance
 * - `no-matching-signature`: no signature in the header was made with any of the secrets
 * - `bad-body`: the signature is correct, but the body is not a JSON object
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
  "bad-id": "Fluxhook never sends such an id: refuse the request",
  "bad-timestamp": "Fluxhook sends Unix seconds: refuse the request",
  "too-old":
    "It is a replay, or was delayed, or this machine's clock is ahead: check the clock, or raise toleranceSeconds",
  "too-new": "This machine's clock is behind: check it, or raise toleranceSeconds",
  "no-matching-signature":
    "Check that the secret is this webhook's, exactly as shown, and that the payload is the raw body: JSON that was parsed and serialized again has another signature",
  "bad-body": "Fluxhook did not send it, because it signs JSON objects only: refuse the request",
};

const FOUND: Record<VerificationCode, (header: string) => string> = {
  "missing-header": (header) => `the header ${header} is missing`,
  "bad-id": (header) => `${header} has a dot in it`,
  "bad-timestamp": (header) => `the time in ${header} is not a number of seconds`,
  "too-old": (header) => `the time in ${header} is too long ago`,
  "too-new": (header) => `the time in ${header} is too far ahead`,
  "no-matching-signature": (header) => `no signature in ${header} matches`,
  "bad-body": () => "the body is not a JSON object",
};

/** Thrown by `verify` if the request is not genuine: answer 401 and ignore the request. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";

  /** The reason, for programs; the message is for people. */
  readonly code: VerificationCode;
  /** The header at fault, in lower case; null if it is the body. */
  readonly header: string | null;

  constructor(code: VerificationCode, header: string | null, advice: string = ADVICE[code]) {
    super(`The webhook was refused: ${FOUND[code](header ?? "")}. ${advice}.`);
    this.code = code;
    this.header = header;
  }
}
