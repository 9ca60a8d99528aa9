// Webhook secrets: how they are generated, which ones a user may provide, and their HMAC keys.
// No message here contains a secret (guarantee 9).
import { toBase64 } from "./bytes.ts";

const PREFIX = "whsec_";
const NEW_SECRET_BYTES = 32;
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;

/** Printable ASCII; spaces only inside; no whsec_ in the middle. */
const RAW_FORM = /^(?!.*[wW][hH][sS][eE][cC]_)[!-~][ -~]{14,126}[!-~]$/;
/** Canonical base64 of MIN_KEY_BYTES to MAX_KEY_BYTES (RFC 4648 §3.5: the unused bits are 0). */
const MADE_FORM =
  /^whsec_(?:(?:[A-Za-z0-9+/]{4}){8,21}|(?:[A-Za-z0-9+/]{4}){8,21}[A-Za-z0-9+/][AQgw]==|(?:[A-Za-z0-9+/]{4}){8,20}[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)$/;

/** The two forms that `checkSecret` accepts, as a schema's `pattern`. */
export const SECRET_PATTERNS = [MADE_FORM.source, RAW_FORM.source] as const;

const encoder = new TextEncoder();

/** Generates a secret: `whsec_` and the base64 of 32 random bytes. */
export function makeSecret(): string {
  return PREFIX + toBase64(crypto.getRandomValues(new Uint8Array(NEW_SECRET_BYTES)));
}

/**
 * Returns what went wrong when a secret was copied, or null. Used as given, such text would be another
 * key than intended, and receivers would refuse every signature made with it.
 */
export function checkCopied(text: string): string | null {
  if (text.trim() !== text) {
    return "must not begin or end with white space: paste the secret without it";
  }
  if (!text.startsWith(PREFIX) && text.toLowerCase().includes(PREFIX)) {
    return (
      "has whsec_ not at the start: paste it from whsec_ on, in lower case, " +
      "without v1, or quotes before it"
    );
  }
  return null;
}

/** Returns what is wrong with a secret that a user provides, or null. */
export function checkSecret(text: string): string | null {
  const copied = checkCopied(text);
  if (copied !== null) return copied;
  if (!text.startsWith(PREFIX)) {
    return RAW_FORM.test(text)
      ? null
      : "must be 16 to 128 printable ASCII characters, or whsec_ and base64 of 24 to 64 bytes";
  }
  const bytes = fromBase64(text.slice(PREFIX.length));
  if (bytes === null) return "must be well-formed, padded base64 after whsec_";
  return bytes.length >= MIN_KEY_BYTES && bytes.length <= MAX_KEY_BYTES
    ? null
    : `must be base64 of ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES} bytes after whsec_; it is ${bytes.length}`;
}

/** Returns the key of `webhook-signature`: the decoded base64 after `whsec_`, or any other secret in UTF-8. */
export function standardKeyBytes(secret: string): Uint8Array<ArrayBuffer> {
  if (!secret.startsWith(PREFIX)) return encoder.encode(secret);
  const bytes = fromBase64(secret.slice(PREFIX.length));
  // An empty key is known to everyone.
  if (bytes === null || bytes.length === 0) {
    throw new Error("a whsec_ secret must be well-formed base64 of at least one byte");
  }
  return bytes;
}

/** Returns the key of every hex signature: the UTF-8 bytes of the secret as the user sees it. */
export function hexKeyBytes(secret: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(secret);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return null;
  }
  // `atob` accepts missing padding, white space and stray last bits. Receivers' libraries do
  // not, or decode them to another key. So only the canonical text is accepted.
  if (btoa(binary) !== text) return null;
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
