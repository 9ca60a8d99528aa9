// HTTP applications whose code is loaded with the first request to them.
import type { Api } from "../api/http/openapi.ts";
import { pathOf } from "../dashboard/paths.ts";
import type { ApiOptions } from "./open-api.ts";

type Answer = (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>;

function onDemand(open: () => Promise<Api>): Answer {
  let opening: Promise<Api> | null = null;
  let opened: Api | null = null;
  return (request, server) => {
    if (opened !== null) return opened.fetch(request, server);
    opening ??= open().then((api) => (opened = api));
    return opening.then((api) => api.fetch(request, server));
  };
}

const PROBES = new Set(["/healthz", "/readyz", "/metrics"]);

/** Answers every request; probes and scrapes without the rest of the API. */
export function apiOnDemand(options: ApiOptions): Answer {
  const probes = onDemand(async () => {
    const { createProbes } = await import("../api/probes.ts");
    const { apiTokens, apiStores, metrics, notReadyCauses, log, settings } = options;
    return createProbes({
      apiTokens,
      stores: apiStores,
      metrics,
      notReadyCauses,
      corsOrigins: settings.CORS_ORIGINS,
      now: () => new Date(),
      log,
    });
  });
  const all = onDemand(async () => {
    const { openApi } = await import("./open-api.ts");
    return openApi(options);
  });
  return (request, server) => (isProbe(request) ? probes : all)(request, server);
}

/** Other methods are answered by the API, which knows the methods of every path. */
function isProbe({ method, url }: Request): boolean {
  return (method === "GET" || method === "HEAD") && PROBES.has(pathOf(url));
}
