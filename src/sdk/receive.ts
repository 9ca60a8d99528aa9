// What the middlewares have in common: their options, and what they do with a body and its headers.
import type { RequestHeaders } from "./request-headers.ts";
import { WebhookVerificationError } from "./verification-error.ts";
import { verify, type VerifyOptions } from "./verify.ts";
import type { WebhookEvent } from "./webhook-events.ts";

export interface ReceiveOptions<Request> extends VerifyOptions {
  /** The webhook's secret, several while it is being rotated, or what finds them for a request. */
  secret:
    | string
    | readonly string[]
    | ((request: Request) => string | readonly string[] | Promise<string | readonly string[]>);
  /** `true` unless given: every request of Fluxhook carries its time. */
  requireTime?: boolean;
  /** A larger body is answered 413; 1,048,576 unless given. */
  maxBodyBytes?: number;
  /** Called before the 401, for the receiver's own log: nothing of the reason is in the answer. */
  onFailure?: (error: WebhookVerificationError, request: Request) => void | Promise<void>;
}

const DEFAULT_MAX_BODY_BYTES = 1_048_576;

export function maxBodyBytes({ maxBodyBytes: given }: { maxBodyBytes?: number }): number {
  return given ?? DEFAULT_MAX_BODY_BYTES;
}

/** The event, or null for a request that is not genuine; throws for the receiver's own fault. */
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

/** The bytes of the chunks, one behind the other. */
export function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
