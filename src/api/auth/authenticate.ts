// Identifies the caller. Handlers see a Principal, never a token.
import { hash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { FailureLimit, MAX_WRONG_TOKENS } from "../../failure-limit.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { ApiDeps } from "../deps.ts";
import type { ApiEnv, Principal } from "../http/env.ts";
import { problem } from "../http/problem.ts";
import type { ScopedTokens } from "./scoped-token.ts";

export function maySee(principal: Principal, owner: OwnerRef): boolean {
  return principal.kind === "api" || principal.owner === owner;
}

/** RFC 6750 §2.1; the scheme's name is case-insensitive (RFC 9110 §11.1). */
const CREDENTIALS = /^bearer +(\S+) *$/i;

/** RFC 6750 §3.1: this error code is only for a request that carried a token. */
const INVALID_TOKEN = 'Bearer realm="fluxhook", error="invalid_token"';

/** Whom an Authorization header identifies. */
export type Caller = Principal | "missing" | "wrong" | "expired";
export type Identify = (authorization: string | undefined) => Caller | Promise<Caller>;

export function identifyBy(apiToken: string, tokens: ScopedTokens, now: () => Date): Identify {
  const expected = hash("sha256", apiToken, "buffer");
  return async (authorization) => {
    const token = CREDENTIALS.exec(authorization ?? "")?.[1];
    if (token === undefined) return "missing";
    // Guarantee 9: hashes have equal length, so the time reveals neither the length nor a prefix.
    if (timingSafeEqual(hash("sha256", token, "buffer"), expected)) return { kind: "api" };
    const claims = await tokens.read(token, now());
    return typeof claims === "string" ? claims : { kind: "owner", owner: claims.owner };
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
        return problem(c, "unauthorized", "this token has expired", {
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
