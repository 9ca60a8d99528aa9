// Tokens that expire, `fht_` and a JWT (RFC 7519): signed, not stored. Every replica with the same API token
// accepts them; when the API token changes, all of them become invalid.
import { sign, verify } from "hono/jwt";
import { z } from "zod";
import { isOwnerId, ownerRef, splitOwnerRef } from "../../wire/owner.ts";
import { EarlierTokens } from "./earlier-tokens.ts";
import type { TokenClaims } from "./token-claims.ts";
import { tokenKey } from "./token-key.ts";

const PREFIX = "fht_";
/** The header and the claims; 43 characters are the 32 bytes of HMAC-SHA256 in base64url (RFC 4648 §5). */
const TOKEN = /^fht_([A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{1,4096}\.([A-Za-z0-9_-]{43}))$/;
const SALT = "fluxhook token v2";
const ALGORITHM = "HS256";

/** RFC 7519 §2: seconds, and they may have a fraction. */
const numericDate = z.number().min(0);

const claimsSchema = z
  .strictObject({
    kind: z.enum(["user", "org", "all"]),
    id: z.string().refine(isOwnerId).optional(),
    jti: z.string(),
    iat: numericDate,
    exp: numericDate,
    name: z.string().optional(),
    read_only: z.literal(true).optional(),
    api_keys: z.literal(true).optional(),
  })
  .refine(({ kind, id }) => (kind === "all") === (id === undefined))
  .transform(({ kind, id = "", jti, iat, exp, ...given }): TokenClaims => ({
    reach: kind === "all" ? { kind: "api" } : { kind: "owner", owner: ownerRef(kind, id) },
    id: jti,
    name: given.name ?? null,
    readOnly: given.read_only ?? false,
    mayMakeKeys: given.api_keys ?? false,
    issuedAtMs: Math.round(iat * 1_000),
    expiresAtMs: Math.round(exp * 1_000),
  }));

export class SignedTokens {
  readonly #keys: readonly (() => Promise<CryptoKey>)[];
  readonly #earlier: EarlierTokens;

  /** The first API token signs; tokens that any of them has signed are accepted. */
  constructor(apiTokens: readonly string[]) {
    this.#keys = apiTokens.map((token) => tokenKey(token, SALT));
    this.#earlier = new EarlierTokens(apiTokens);
  }

  async sign(claims: TokenClaims): Promise<string> {
    const [key] = this.#keys;
    if (!key) throw new Error("there is no API token to sign with");
    const { reach, name, readOnly, mayMakeKeys } = claims;
    const payload = {
      ...(reach.kind === "api" ? { kind: "all" } : splitOwnerRef(reach.owner)),
      jti: claims.id,
      iat: claims.issuedAtMs / 1_000,
      exp: claims.expiresAtMs / 1_000,
      ...(name === null ? {} : { name }),
      ...(readOnly ? { read_only: true } : {}),
      ...(mayMakeKeys ? { api_keys: true } : {}),
    };
    return PREFIX + (await sign(payload, await key(), ALGORITHM));
  }

  /** Answers "expired" only to a token with a valid signature, so that a guesser learns nothing. */
  async read(token: string, now: Date): Promise<TokenClaims | "wrong" | "expired"> {
    const [, jwt, mac] = TOKEN.exec(token) ?? [];
    if (jwt === undefined || mac === undefined) return this.#earlier.read(token, now);
    // base64url can write the last byte in several ways, and the library takes all; only ours is valid.
    if (Buffer.from(mac, "base64url").toString("base64url") !== mac) return "wrong";
    for (const key of this.#keys) {
      const payload = await verified(jwt, await key());
      if (payload === null) continue;
      const { data: claims } = claimsSchema.safeParse(payload);
      // Signed by another version, with other claims or with an owner that this version refuses.
      if (claims === undefined) return "wrong";
      return now.getTime() < claims.expiresAtMs ? claims : "expired";
    }
    return "wrong";
  }
}

/** Null unless the key has signed it. The times are judged by the caller, who does so after the signature. */
async function verified(jwt: string, key: CryptoKey): Promise<unknown> {
  try {
    return await verify(jwt, key, { alg: ALGORITHM, exp: false, iat: false, nbf: false });
  } catch {
    return null;
  }
}
