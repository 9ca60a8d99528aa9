// Tokens as the API makes them, for tests that need one of a time or of an API token of their own.
import { SignedTokens } from "../../src/api/auth/signed-tokens.ts";
import type { TokenClaims } from "../../src/api/auth/token-claims.ts";
import type { Principal, TokenInfo } from "../../src/api/http/env.ts";
import { ownerRef, type OwnerRef } from "../../src/wire/owner.ts";

export function ownerClaims(
  { kind, id }: { kind: "user" | "org"; id: string },
  from: Date,
  until: Date,
): TokenClaims {
  return {
    reach: { kind: "owner", owner: ownerRef(kind, id) },
    id: "tok_of_a_test",
    name: null,
    readOnly: false,
    mayMakeKeys: false,
    issuedAtMs: from.getTime(),
    expiresAtMs: until.getTime(),
  };
}

export function ownerToken(
  apiToken: string,
  owner: { kind: "user" | "org"; id: string },
  from: Date,
  until: Date,
): Promise<string> {
  return new SignedTokens([apiToken]).sign(ownerClaims(owner, from, until));
}

const TOKEN: Omit<TokenInfo, "kind"> = {
  id: "tok_of_a_test",
  name: null,
  readOnly: false,
  mayMakeKeys: false,
  expiresAtMs: null,
};

export function ownerPrincipal(owner: OwnerRef, token: Partial<TokenInfo> = {}): Principal {
  return { kind: "owner", owner, token: { ...TOKEN, kind: "owner", ...token } };
}
