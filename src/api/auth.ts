// Who is asking. Handlers see a Principal, never a token.
import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import type { OwnerRef } from "../wire/owner.ts";
import type { ApiEnv, Principal } from "./env.ts";
import { problem } from "./problem.ts";

export function maySee(principal: Principal, owner: OwnerRef): boolean {
  return principal.kind === "api" || principal.owner === owner;
}

/** RFC 6750 §2.1; the scheme's name is case-insensitive (RFC 9110 §11.1). */
const CREDENTIALS = /^bearer +(\S+) *$/i;

/** What an Authorization header stands for. */
export type Identify = (authorization: string | undefined) => Principal | "missing" | "wrong";

export function authenticate(
  authorization: string | undefined,
  apiToken: string,
): ReturnType<Identify> {
  const token = CREDENTIALS.exec(authorization ?? "")?.[1];
  if (token === undefined) return "missing";
  // Guarantee 9: hashes have equal length, so the time tells neither the length nor a prefix.
  return timingSafeEqual(sha256(token), sha256(apiToken)) ? { kind: "api" } : "wrong";
}

export function requirePrincipal(identify: Identify): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const principal = identify(c.req.header("authorization"));
    if (principal === "missing") {
      return problem(c, "unauthorized", "send Authorization: Bearer <token>", {
        headers: { "WWW-Authenticate": 'Bearer realm="fluxhook"' },
      });
    }
    if (principal === "wrong") {
      return problem(c, "unauthorized", "this token is not accepted", {
        // RFC 6750 §3.1: the code is for a request that did carry a token.
        headers: { "WWW-Authenticate": 'Bearer realm="fluxhook", error="invalid_token"' },
      });
    }
    c.set("principal", principal);
    return next();
  };
}

/** For what belongs to no single owner. */
export const apiOnly: MiddlewareHandler<ApiEnv> = async (c, next) =>
  c.var.principal.kind === "api"
    ? next()
    : problem(c, "not-found", "this token does not reach this route");

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
