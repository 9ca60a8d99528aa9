// What every answer tells a browser: nothing here is a page, to be framed, sniffed, cached or read by
// another site. A page of the dashboard sets its own policy, which then stands.
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";
import type { ApiEnv } from "./env.ts";

export const securityHeaders: MiddlewareHandler<ApiEnv> = secureHeaders({
  overwrite: false,
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
  xFrameOptions: "DENY",
  // RFC 6797 §7.2: not over plain http, which is all that is spoken here; a TLS proxy adds its own.
  strictTransportSecurity: false,
});

/** No answer may lie in a cache: it is one caller's, and may hold a secret. */
export const neverStored: MiddlewareHandler<ApiEnv> = async (c, next) => {
  await next();
  if (!c.res.headers.has("Cache-Control")) c.header("Cache-Control", "no-store");
};

/** The bearer token is sent by the page itself, so no credentials of the browser are allowed. */
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
    // An OPTIONS that is no preflight is a method like any other: 405.
    if (c.req.method === "OPTIONS" && !isPreflight) return next();
    return allow(c, next);
  };
}
