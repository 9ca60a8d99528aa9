// The vector of Standard Webhooks, and what is made of it.
import type { RawBody } from "../../src/sdk/raw-body.ts";
import type { SignatureOrHeaders } from "../../src/sdk/request-headers.ts";
import { verify, type VerifyOptions } from "../../src/sdk/verify.ts";
import { WebhookVerificationError } from "../../src/sdk/verification-error.ts";
import { standard } from "../vectors/signatures.json";

export const GOOD = {
  "webhook-id": standard.id,
  "webhook-timestamp": String(standard.timestamp),
  "webhook-signature": standard.signature,
};

interface Attempt extends VerifyOptions {
  payload?: RawBody;
  secret?: string | readonly string[];
}

export function verifyVector(headers: SignatureOrHeaders, attempt: Attempt = {}) {
  const { payload, secret, ...options } = {
    payload: standard.body,
    secret: standard.secret,
    nowSeconds: standard.timestamp,
    ...attempt,
  };
  return verify(payload, headers, secret, options);
}

export function errorOf(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was thrown");
}

export function refusal(run: () => unknown): WebhookVerificationError {
  const error = errorOf(run);
  if (error instanceof WebhookVerificationError) return error;
  throw new Error("it was not refused", { cause: error });
}
