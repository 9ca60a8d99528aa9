// GET /metrics: what this process has counted, in Prometheus' text format (docs/metrics.md).
import { hash, timingSafeEqual } from "node:crypto";
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { apiOnly, bearerToken, requirePrincipal, type Identify } from "./auth/authenticate.ts";
import type { ApiDeps } from "./deps.ts";
import { problems, type Api } from "./http/openapi.ts";
import { problem } from "./http/problem.ts";

export function addMetrics(
  api: Api,
  deps: Pick<ApiDeps, "metrics" | "now" | "log">,
  identify: Identify,
): void {
  const { metrics } = deps;
  const isOpen = metrics?.access === "open";
  api.openapi(
    createRoute({
      method: "get",
      path: "/metrics",
      summary: "Get what this process has counted, in Prometheus' text format",
      description:
        "With the API token or `FLUXHOOK_METRICS_TOKEN`; without any if `FLUXHOOK_METRICS` is `open`. No label " +
        "names a user, a URL or a webhook. While Valkey is away, the gauges that are read from it are missing.",
      tags: ["operations"],
      middleware: isOpen
        ? []
        : [requirePrincipal(orMetricsToken(identify, metrics?.token), deps), apiOnly],
      responses: {
        200: {
          description: "the metrics",
          content: { "text/plain": { schema: z.string() } },
        },
        ...problems(401, 404, 500),
      },
    }),
    async (c) => {
      if (!metrics || metrics.access === "off") {
        return problem(c, "not-found", "FLUXHOOK_METRICS is off");
      }
      const { text, contentType } = await metrics.expose();
      return c.text(text, 200, { "Content-Type": contentType });
    },
  );
}

/** The token reads the metrics and nothing else: no other route knows it. */
function orMetricsToken(identify: Identify, token: string | undefined): Identify {
  if (token === undefined) return identify;
  const expected = hash("sha256", token, "buffer");
  return (authorization) => {
    const given = hash("sha256", bearerToken(authorization) ?? "", "buffer");
    // Guarantee 9: hashes have equal length, so the time reveals neither the length nor a prefix.
    return timingSafeEqual(given, expected) ? METRICS_READER : identify(authorization);
  };
}

const METRICS_READER = {
  kind: "api",
  token: {
    kind: "api",
    id: "metrics",
    name: null,
    readOnly: true,
    mayMakeKeys: false,
    expiresAtMs: null,
  },
} as const;
