// What is signed and how the headers are written, for the sender and the verifier: the hex signature of
// the dialects and `webhook-signature` of Standard Webhooks 1.0.0.
import { toBase64, toHex } from "./bytes.ts";
import type { Dialect, HeaderInput } from "./dialects/dialect.ts";
import { hexKeyBytes, standardKeyBytes } from "./secret.ts";

const USER_AGENT = "Fluxhook/1.0";

/**
 * Computes the HMAC-SHA256 of a prefix in UTF-8 and the content after it. The worker passes Bun's synchronous
 * one; Web Crypto costs several times as much (docs/decisions/7-second-signature.md).
 */
export type Hmac = (key: Uint8Array, prefix: string, content: Uint8Array) => Uint8Array;

type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

/** Signs with one secret. Its keys are imported on first use and reused. */
export class Signer {
  readonly #secret: string;
  readonly #standardKeyBytes: Bytes;
  #hexKeyBytes: Bytes | null = null;
  #hexKey: CryptoKey | null = null;
  #standardKey: CryptoKey | null = null;

  /** @throws Error if a `whsec_…` secret is malformed; `checkSecret` refuses those when they are saved. */
  constructor(secret: string) {
    this.#secret = secret;
    this.#standardKeyBytes = standardKeyBytes(secret);
  }

  /** Returns the HMAC-SHA256 in lower-case hex, keyed with the secret's text as the user sees it. */
  async hex(content: Uint8Array): Promise<string> {
    const key = (this.#hexKey ??= await importKey(hexKeyBytes(this.#secret)));
    return toHex(await sign(key, content));
  }

  /** Like `hex`, with the caller's HMAC. */
  hexWith(hmac: Hmac, prefix: string, content: Uint8Array): string {
    this.#hexKeyBytes ??= hexKeyBytes(this.#secret);
    return toHex(hmac(this.#hexKeyBytes, prefix, content));
  }

  /** Returns the HMAC-SHA256 of `standardContent` in base64. */
  async standard(content: Uint8Array): Promise<string> {
    this.#standardKey ??= await importKey(this.#standardKeyBytes);
    return toBase64(await sign(this.#standardKey, content));
  }

  /** Like `standard`, with the caller's HMAC. */
  standardWith(hmac: Hmac, prefix: string, content: Uint8Array): string {
    return toBase64(hmac(this.#standardKeyBytes, prefix, content));
  }
}

/** Returns the hex signature by a secret that is used once, or for hex signatures only. */
export async function hexHmac(secret: string, content: Uint8Array): Promise<string> {
  return toHex(await sign(await importKey(hexKeyBytes(secret)), content));
}

export interface RequestToSign extends HeaderInput {
  dialect: Dialect;
  /** Newest first; more than one only during the grace period of a rotation. */
  secrets: readonly Signer[];
  body: string;
  /** The UTF-8 bytes of `body`. The bytes that are signed are the bytes that are sent (guarantee 4). */
  bodyBytes: Uint8Array;
}

/**
 * Returns the headers of one attempt. Not among them: the webhook's custom ones and `traceparent`, which
 * the attempt adds, and `Host`, `Connection`, `Accept` and `Content-Length`, which the HTTP client adds.
 */
export async function signRequest(request: RequestToSign): Promise<Record<string, string>> {
  const { dialect, secrets, unixSeconds, bodyBytes } = request;
  const own: string[] = [];
  if (dialect.ownSignature !== null) {
    const content = withPrefix(dialect.ownSignature.prefix(unixSeconds), bodyBytes);
    for (const signer of secrets) own.push(await signer.hex(content));
  }
  const content = withPrefix(standardPrefix(messageIdOf(request), unixSeconds), bodyBytes);
  const standard: string[] = [];
  for (const signer of secrets) standard.push(await signer.standard(content));
  return headersOf(request, own, standard);
}

/** The same with the caller's HMAC, without a promise. */
export function signRequestWith(hmac: Hmac, request: RequestToSign): Record<string, string> {
  const { dialect, secrets, unixSeconds, bodyBytes } = request;
  const own: string[] = [];
  if (dialect.ownSignature !== null) {
    const prefix = dialect.ownSignature.prefix(unixSeconds);
    for (const signer of secrets) own.push(signer.hexWith(hmac, prefix, bodyBytes));
  }
  const prefix = standardPrefix(messageIdOf(request), unixSeconds);
  const standard: string[] = [];
  for (const signer of secrets) standard.push(signer.standardWith(hmac, prefix, bodyBytes));
  return headersOf(request, own, standard);
}

/** The signatures are in the order of the secrets. */
function headersOf(
  request: RequestToSign,
  own: readonly string[],
  standard: readonly string[],
): Record<string, string> {
  const { dialect, unixSeconds } = request;
  if (standard.length === 0) throw new Error("a request cannot be signed without a secret");
  const headers: Record<string, string> = {
    "User-Agent": USER_AGENT,
    "Content-Type": "application/json",
  };
  // Not Object.entries, which takes 150 ns per attempt in place of 30 ns (measured in commit 70416e6).
  for (const name in dialect.headers) headers[name] = dialect.headers[name]?.(request) ?? "";
  if (dialect.ownSignature !== null) {
    headers[dialect.ownSignature.header] = dialect.ownSignature.write(own, unixSeconds);
  }
  headers["webhook-id"] = messageIdOf(request);
  headers["webhook-timestamp"] = String(unixSeconds);
  headers["webhook-signature"] = standard.map((signature) => `v1,${signature}`).join(" ");
  return headers;
}

function messageIdOf({ dialect, eventId }: RequestToSign): string {
  return dialect.messageId?.(eventId) ?? eventId;
}

/** Returns what `webhook-signature` covers: `id.timestamp.body` (Standard Webhooks 1.0.0). */
export function standardContent(id: string, timestamp: string, body: Uint8Array): Uint8Array {
  return withPrefix(standardPrefix(id, timestamp), body);
}

function standardPrefix(id: string, timestamp: string | number): string {
  return `${id}.${timestamp}.`;
}

/** Joins the UTF-8 bytes of a prefix and a body. */
export function withPrefix(prefix: string, body: Uint8Array): Uint8Array {
  if (prefix === "") return body;
  const prefixBytes = encoder.encode(prefix);
  const content = new Uint8Array(prefixBytes.length + body.length);
  content.set(prefixBytes);
  content.set(body, prefixBytes.length);
  return content;
}

function importKey(bytes: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

async function sign(key: CryptoKey, content: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, content as Bytes));
}
