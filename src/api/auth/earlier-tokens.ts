// Tokens of the version before, `fht_<claims>.<mac>`: they stay valid until they expire, at most 30 days
// after the upgrade. None is made any more.
import { timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { isOwnerId, ownerRef } from "../../wire/owner.ts";
import type { TokenClaims } from "./token-claims.ts";
import { tokenKey } from "./token-key.ts";

const PREFIX = "fht_";
/** 43 characters are the 32 bytes of HMAC-SHA256 in base64url (RFC 4648 §5). */
const TOKEN = /^fht_([A-Za-z0-9_-]{1,1024})\.([A-Za-z0-9_-]{43})$/;
const SALT = "fluxhook scoped token v1";

const claimsSchema = z
  .strictObject({
    kind: z.enum(["user", "org"]),
    id: z.string().refine(isOwnerId),
    iat: z.int(),
    exp: z.int(),
  })
  .transform(({ kind, id, iat, exp }): TokenClaims => ({
    reach: { kind: "owner", owner: ownerRef(kind, id) },
    id: "",
    name: null,
    readOnly: false,
    mayMakeKeys: false,
    issuedAtMs: iat,
    expiresAtMs: exp,
  }));

export class EarlierTokens {
  readonly #keys: readonly (() => Promise<CryptoKey>)[];

  constructor(apiTokens: readonly string[]) {
    this.#keys = apiTokens.map((token) => tokenKey(token, SALT));
  }

  /** Answers "expired" only to a token with a valid signature, so that a guesser learns nothing. */
  async read(token: string, now: Date): Promise<TokenClaims | "wrong" | "expired"> {
    const [, claims, mac] = TOKEN.exec(token) ?? [];
    if (claims === undefined || mac === undefined) return "wrong";
    for (const key of this.#keys) {
      // Compares texts, not bytes: base64url can write the last byte in several ways; only ours is valid.
      const expected = await macOf(PREFIX + claims, await key());
      if (!timingSafeEqual(Buffer.from(mac), Buffer.from(expected))) continue;
      const { data: read } = claimsSchema.safeParse(
        JSON.parse(Buffer.from(claims, "base64url").toString()),
      );
      // Signed by another version, with other claims or with an owner that this version refuses.
      if (read === undefined) return "wrong";
      return now.getTime() < read.expiresAtMs ? read : "expired";
    }
    return "wrong";
  }
}

async function macOf(text: string, key: CryptoKey): Promise<string> {
  const mac = await crypto.subtle.sign("HMAC", key, Buffer.from(text));
  return Buffer.from(mac).toString("base64url");
}
