// Scoped tokens, `fht_<claims>.<mac>`: signed, not stored. Every replica with the same API token accepts
// them; when the API token changes, all of them become invalid.
import { timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { isOwnerId, ownerRef, type OwnerRef } from "../../wire/owner.ts";

export interface TokenClaims {
  owner: OwnerRef;
  issuedAtMs: number;
  expiresAtMs: number;
}

const PREFIX = "fht_";
/** 43 characters are the 32 bytes of HMAC-SHA256 in base64url (RFC 4648 §5). */
const TOKEN = /^fht_([A-Za-z0-9_-]{1,1024})\.([A-Za-z0-9_-]{43})$/;

/** Part of the key, so that a signature by this key is always one of a scoped token of this format. */
const SALT = "fluxhook scoped token v1";
/**
 * The holder of a scoped token can test guesses of the API token offline, and we only know that the API
 * token is long, not that it is random. So the key is derived by PBKDF2 (RFC 8018 §5.2): with HKDF a guess
 * would be cheap. The count is OWASP's for SHA-256. Each process derives the key once.
 */
const ITERATIONS = 600_000;

const claimsSchema = z
  .strictObject({
    kind: z.enum(["user", "org"]),
    id: z.string().refine(isOwnerId),
    iat: z.int(),
    exp: z.int(),
  })
  .transform(({ kind, id, iat, exp }) => ({
    owner: ownerRef(kind, id),
    issuedAtMs: iat,
    expiresAtMs: exp,
  }));

export class ScopedTokens {
  readonly #apiToken: string;
  #key: Promise<CryptoKey> | null = null;

  constructor(apiToken: string) {
    this.#apiToken = apiToken;
  }

  async sign(
    owner: { kind: "user" | "org"; id: string },
    from: Date,
    until: Date,
  ): Promise<string> {
    const claims = { ...owner, iat: from.getTime(), exp: until.getTime() };
    const signed = PREFIX + Buffer.from(JSON.stringify(claims)).toString("base64url");
    return `${signed}.${await this.#mac(signed)}`;
  }

  /** Answers "expired" only to a token with a valid signature, so that a guesser learns nothing. */
  async read(token: string, now: Date): Promise<TokenClaims | "wrong" | "expired"> {
    const [, claims, mac] = TOKEN.exec(token) ?? [];
    if (claims === undefined || mac === undefined) return "wrong";
    // Compares texts, not bytes: base64url can write the last byte in several ways; only ours is valid.
    const expected = await this.#mac(PREFIX + claims);
    if (!timingSafeEqual(Buffer.from(mac), Buffer.from(expected))) return "wrong";
    const { data: read } = claimsSchema.safeParse(
      JSON.parse(Buffer.from(claims, "base64url").toString()),
    );
    // Signed by another version, with other claims or with an owner that this version refuses.
    if (read === undefined) return "wrong";
    return now.getTime() < read.expiresAtMs ? read : "expired";
  }

  async #mac(text: string): Promise<string> {
    this.#key ??= deriveKey(this.#apiToken);
    const mac = await crypto.subtle.sign("HMAC", await this.#key, Buffer.from(text));
    return Buffer.from(mac).toString("base64url");
  }
}

async function deriveKey(apiToken: string): Promise<CryptoKey> {
  const { subtle } = crypto;
  const base = await subtle.importKey("raw", Buffer.from(apiToken), "PBKDF2", false, ["deriveKey"]);
  return subtle.deriveKey(
    { name: "PBKDF2", hash: "SHA-256", salt: Buffer.from(SALT), iterations: ITERATIONS },
    base,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign"],
  );
}
