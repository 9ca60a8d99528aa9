// Headers that keep a browser from framing, sniffing and caching answers, and other sites from reading them.
// A page of the dashboard sets its own policy, which these headers do not overwrite.
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";
import type { ApiEnv } from "./env.ts";

export const securityHeaders: MiddlewareHandler<ApiEnv> = secureHeaders({
  overwrite: false,
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  xFrameOptions: "DENY",
  // RFC 6797 §7.2: not over plain http, the only protocol here. A TLS proxy adds its own.
  strictTransportSecurity: false,
});

/** No answer may be cached: it is for one caller only, and may hold a secret. */
export const neverStored: MiddlewareHandler<ApiEnv> = async (c, next) => {
  await next();
  if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
};

/** The page itself sends the bearer token, so the browser's credentials are not allowed. */
export function crossOrigin(origins: readonly string[]): MiddlewareHandler<ApiEnv> {
  const allow = cors({
    origin: [...origins],
    allowMethods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    allowHeaders: [
      "Authorization",
      "Content-Type",
      "Idempotency-Key",
      "If-Match",
      "If-None-Match",
      "Last-Event-ID",
    ],
    exposeHeaders: ["ETag", "Location", "Retry-After", "WWW-Authenticate"],
    maxAge: 600,
  });
  return async (c, next) => {
    const isPreflight = c.req.header("access-control-request-method") !== undefined;
    // An OPTIONS that is no preflight is answered 405, like any other unknown method.
    if (c.req.method === "OPTIONS" && !isPreflight) return next();
    return allow(c, next);
  };
}
