// The routes that machines ask of every process all the time, without the rest of the API, whose code makes the heap
// larger: a busy process that is scraped takes 155 MB instead of 173 (measured: docs/performance.md). The API has these
// routes too, for its document.
import { identifyBy, type IdentifyOptions } from "./auth/authenticate.ts";
import { SignedTokens } from "./auth/signed-tokens.ts";
import type { ApiDeps } from "./deps.ts";
import { addHealth } from "./health.ts";
import { useForEveryRequest } from "./http/every-request.ts";
import { newApi, type Api } from "./http/openapi.ts";
import { answerError } from "./http/problem.ts";
import { addMetrics } from "./metrics.ts";

export interface ProbeDeps
  extends
    Pick<ApiDeps, "metrics" | "notReadyCauses" | "now" | "log">,
    Pick<IdentifyOptions, "apiTokens" | "stores"> {
  corsOrigins: readonly string[];
}

export function createProbes(deps: ProbeDeps): Api {
  const api = newApi();
  useForEveryRequest(api, deps);
  addHealth(api, deps);
  addMetrics(api, deps, identifyBy({ ...deps, tokens: new SignedTokens(deps.apiTokens) }));
  api.onError((error, c) => answerError(error, c, deps.log));
  return api;
}
