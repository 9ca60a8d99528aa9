// Common parts of the middlewares: their options, and verifying a body with its headers.
import type { RequestHeaders } from "./request-headers.ts";
import { WebhookVerificationError } from "./verification-error.ts";
import { verify, type VerifyOptions } from "./verify.ts";
import type { WebhookEvent } from "./webhook-events.ts";

export interface ReceiveOptions<Request> extends VerifyOptions {
  /** The webhook's secret, several during a rotation, or a function that finds them for a request. */
  secret:
    | string
    | readonly string[]
    | ((request: Request) => string | readonly string[] | Promise<string | readonly string[]>);
  /** Default `true`: every request of Fluxhook has its time. */
  requireTime?: boolean;
  /** A larger body is answered with 413; default 1,048,576. */
  maxBodyBytes?: number;
  /** Called before the 401, for the receiver's log: the answer does not contain the reason. */
  onFailure?: (error: WebhookVerificationError, request: Request) => void | Promise<void>;
}

const DEFAULT_MAX_BODY_BYTES = 1_048_576;

export function maxBodyBytes({ maxBodyBytes: given }: { maxBodyBytes?: number }): number {
  return given ?? DEFAULT_MAX_BODY_BYTES;
}

/** Returns the event, or null if the request is not genuine. Throws if the receiver uses it wrongly. */
export async function received<Request>(
  options: ReceiveOptions<Request>,
  request: Request,
  body: Uint8Array | string,
  headers: RequestHeaders,
): Promise<WebhookEvent | null> {
  const { secret, onFailure, requireTime = true } = options;
  const secrets = typeof secret === "function" ? await secret(request) : secret;
  try {
    return verify(body, headers, secrets, { ...options, requireTime });
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    await onFailure?.(error, request);
    return null;
  }
}

/** Joins chunks. */
export function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
