// How senders sign. A scheme only reads a request: which bytes are signed, and which signatures it has.
// verify.ts decides.

export interface SignedRequest {
  headers: Headers;
  /** The raw body, as it came. */
  body: Uint8Array;
  /** The URL as the sender knows it; null where FLUXHOOK_PUBLIC_URL is not set. */
  publicUrl: string | null;
}

export interface Claim {
  /** Signed before the body. */
  prefix: string;
  /** Signed after the prefix. */
  content: Uint8Array;
  /** The signatures that the request has; none if they are missing or malformed. */
  candidates: readonly string[];
  /** The time that the signature covers, as text, for schemes that sign one; null if it is missing. */
  signedAt?: string | null;
  /** The id that the sender gives to the request and to each repetition of it. */
  id?: string | null;
}

export interface Scheme {
  algorithm: "sha256" | "sha1";
  encoding: "hex" | "base64";
  /** In lower case. Never passed to the workflow. */
  signatureHeaders: readonly string[];
  /** Whether the sender posts forms. */
  acceptsForm?: true;
  /** Returns the HMAC key of a secret; its UTF-8 if missing. */
  key?: (secret: string) => Uint8Array;
  read(request: SignedRequest): Claim;
  /** Finds the sender's id for the request in its JSON body. */
  idIn?: readonly string[];
}

/** Returns the hex digits of a SHA-256 signature behind `prefix`, in lower case. */
export function hexAfter(prefix: string, value: string | null): string[] {
  if (value === null || !value.startsWith(prefix)) return [];
  const hex = value.slice(prefix.length);
  return /^[0-9a-fA-F]{64}$/.test(hex) ? [hex.toLowerCase()] : [];
}
