// The key that signs tokens, derived from the API token.

/**
 * The holder of a token can test guesses of the API token offline, and we only know that the API token is
 * long, not that it is random. So the key is derived by PBKDF2 (RFC 8018 §5.2): with HKDF a guess would be
 * cheap. The count is OWASP's for SHA-256. Each process derives each key once.
 */
const ITERATIONS = 600_000;

/** `salt` names the format of the tokens: a signature of one format is never one of another. */
export async function deriveTokenKey(apiToken: string, salt: string): Promise<CryptoKey> {
  const { subtle } = crypto;
  const base = await subtle.importKey("raw", Buffer.from(apiToken), "PBKDF2", false, ["deriveKey"]);
  return subtle.deriveKey(
    { name: "PBKDF2", hash: "SHA-256", salt: Buffer.from(salt), iterations: ITERATIONS },
    base,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign", "verify"],
  );
}

/** Derives at the first call, and remembers. */
export function tokenKey(apiToken: string, salt: string): () => Promise<CryptoKey> {
  let key: Promise<CryptoKey> | null = null;
  return () => (key ??= deriveTokenKey(apiToken, salt));
}
