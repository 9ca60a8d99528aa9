// What is done with every request, of the API and of probes: it is counted, and its answer gets its headers.
import type { MiddlewareHandler } from "hono";
import type { HttpClass } from "../../stats/counters.ts";
import type { ApiMetrics } from "../deps.ts";
import type { ApiEnv } from "./env.ts";
import type { Api } from "./openapi.ts";
import { problem } from "./problem.ts";
import { crossOrigin, neverStored, securityHeaders } from "./security-headers.ts";

export interface EveryRequestOptions {
  metrics?: Pick<ApiMetrics, "count">;
  corsOrigins?: readonly string[];
}

export function useForEveryRequest(api: Api, options: EveryRequestOptions): void {
  const { metrics, corsOrigins = [] } = options;
  api.use(countRequests(metrics), securityHeaders, neverStored, refuseBadHost);
  // Before authentication: a preflight carries no token (Fetch, "CORS-preflight fetch").
  if (corsOrigins.length > 0) api.use(crossOrigin(corsOrigins));
}

/** Counts every request; that of a stream when it has begun. */
function countRequests(metrics: EveryRequestOptions["metrics"]): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    if (!metrics) return next();
    const startedAt = performance.now();
    await next();
    metrics.count(classOf(c.req.method, c.req.path), c.res.status, performance.now() - startedAt);
  };
}

function classOf(method: string, path: string): HttpClass {
  if (path === "/v1/stream") return "stream";
  return method === "GET" || method === "HEAD" ? "read" : "write";
}

/** RFC 9112 §3.2: an invalid Host is answered 400. HTTP/1.0 requests may have no Host at all. */
const refuseBadHost: MiddlewareHandler<ApiEnv> = async (c, next) =>
  c.req.header("host") === undefined || URL.canParse(c.req.raw.url)
    ? next()
    : problem(c, "bad-request", "the Host header is not a valid host");
