// Identifies the caller. Handlers see a Principal, never a token.
import { hash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { FailureLimit, MAX_WRONG_TOKENS } from "../../failure-limit.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { ApiDeps } from "../deps.ts";
import type { ApiEnv, Principal, Reach, TokenInfo } from "../http/env.ts";
import { problem } from "../http/problem.ts";
import type { SignedTokens } from "./signed-tokens.ts";

export function maySee(reach: Reach, owner: OwnerRef): boolean {
  return reach.kind === "api" || reach.owner === owner;
}

/** RFC 6750 §2.1; the scheme's name is case-insensitive (RFC 9110 §11.1). */
const CREDENTIALS = /^bearer +(\S+) *$/i;

/** Returns the token of an Authorization header; undefined if it has none. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return CREDENTIALS.exec(authorization ?? "")?.[1];
}

const KEY_PREFIX = "fhk_";

/** RFC 6750 §3.1: this error code is only for a request that carried a token. */
const INVALID_TOKEN = 'Bearer realm="fluxhook", error="invalid_token"';

/** Whom an Authorization header identifies. */
export type Caller = Principal | "missing" | "wrong" | "expired";
export type Identify = (authorization: string | undefined) => Caller | Promise<Caller>;

export interface IdentifyOptions {
  apiTokens: readonly string[];
  tokens: SignedTokens;
  stores: Pick<ApiDeps["stores"], "apiKeys" | "tokenEnds">;
  now: () => Date;
}

/** Any of the API tokens counts, so that a new one can be set while the old one is still in use. */
export function identifyBy({ apiTokens, tokens, stores, now }: IdentifyOptions): Identify {
  const expected = apiTokens.map((token) => hash("sha256", token, "buffer"));
  return async (authorization) => {
    const token = bearerToken(authorization);
    if (token === undefined) return "missing";
    const given = hash("sha256", token, "buffer");
    // Guarantee 9: hashes have equal length, so the time reveals neither the length nor a prefix.
    const place = expected.findIndex((one) => timingSafeEqual(given, one));
    if (place >= 0) return { kind: "api", token: apiTokenInfo(place) };
    if (token.startsWith(KEY_PREFIX)) return byKey(token);
    const claims = await tokens.read(token, now());
    if (typeof claims === "string") return claims;
    const { reach } = claims;
    if (reach.kind === "owner") {
      const endedAtMs = await stores.tokenEnds.endedAtMs(reach.owner);
      if (claims.issuedAtMs <= endedAtMs) return "expired";
    }
    const { id, name, readOnly, mayMakeKeys, expiresAtMs } = claims;
    const kind = reach.kind === "api" ? "dashboard" : "owner";
    return { ...reach, token: { kind, id, name, readOnly, mayMakeKeys, expiresAtMs } };
  };

  async function byKey(text: string): Promise<Caller> {
    const key = await stores.apiKeys.find(text);
    if (key === null) return "wrong";
    const { id, name, owner, readOnly } = key;
    void stores.apiKeys.noteUse(id, now().getTime());
    const token = {
      kind: "key",
      id,
      name,
      readOnly,
      mayMakeKeys: false,
      expiresAtMs: null,
    } as const;
    return { kind: "owner", owner, token };
  }
}

function apiTokenInfo(place: number): TokenInfo {
  return {
    kind: "api",
    id: String(place + 1),
    name: null,
    readOnly: false,
    mayMakeKeys: true,
    expiresAtMs: null,
  };
}

export function requirePrincipal(
  identify: Identify,
  { now, log }: Pick<ApiDeps, "now" | "log">,
): MiddlewareHandler<ApiEnv> {
  const wrongTokens = new FailureLimit(MAX_WRONG_TOKENS);

  function refuseWrong(c: Context<ApiEnv>) {
    const failure = wrongTokens.count(c.env?.requestIP?.(c.req.raw)?.address ?? null, now());
    if (!failure.limited) {
      return problem(c, "unauthorized", "this token is not accepted", {
        headers: { "WWW-Authenticate": INVALID_TOKEN },
      });
    }
    const { source, retryAfterS, isFirst } = failure;
    if (isFirst) log.info({ address: source, for_s: retryAfterS }, "auth.limited");
    return problem(
      c,
      "too-many-failures",
      "this address has sent too many wrong tokens; a right one is always accepted",
      { headers: { "Retry-After": String(retryAfterS) } },
    );
  }

  return async (c, next) => {
    const caller = await identify(c.req.header("authorization"));
    switch (caller) {
      case "missing":
        return problem(c, "unauthorized", "send Authorization: Bearer <token>", {
          headers: { "WWW-Authenticate": 'Bearer realm="fluxhook"' },
        });
      case "expired":
        // Not counted as wrong: it was valid once, and a page that is left open keeps sending it.
        return problem(c, "token-expired", "sign in again, or ask for a new token", {
          headers: { "WWW-Authenticate": `${INVALID_TOKEN}, error_description="expired"` },
        });
      case "wrong":
        return refuseWrong(c);
    }
    c.set("principal", caller);
    return next();
  };
}

/** Refuses scoped tokens: the route belongs to no single owner. */
export const apiOnly: MiddlewareHandler<ApiEnv> = async (c, next) =>
  c.var.principal.kind === "api"
    ? next()
    : problem(c, "not-found", "this route needs the API token");
