// Puts the HTTP API together: headers of every answer, authentication, the resources, errors.
import { newApi, type Api } from "./http/openapi.ts";
import { allowedMethods } from "./http/allowed-methods.ts";
import { documentReadOnly, refuseWrites } from "./auth/access.ts";
import { noteActions } from "./auth/audit.ts";
import { identifyBy, requirePrincipal, type Identify } from "./auth/authenticate.ts";
import { addAudit } from "./audit.ts";
import { addConfig } from "./config.ts";
import { addAlerts } from "./alerts.ts";
import { addAttempts } from "./attempts.ts";
import { addDeliveries } from "./deliveries.ts";
import type { ApiDeps } from "./deps.ts";
import { addDocument } from "./http/document.ts";
import { useForEveryRequest } from "./http/every-request.ts";
import { addEventTypes } from "./event-types.ts";
import { addExecutions } from "./executions.ts";
import { addEvents } from "./events.ts";
import { addHealth } from "./health.ts";
import { addTunnel } from "./tunnel.ts";
import { addOwners } from "./owners.ts";
import { addLogs } from "./logs.ts";
import { addParked } from "./parked.ts";
import { answerError, problem } from "./http/problem.ts";
import { addRejected } from "./rejected.ts";
import { addSample } from "./sample.ts";
import { addSearch } from "./search.ts";
import { addStream } from "./stream.ts";
import { SignedTokens } from "./auth/signed-tokens.ts";
import { addWebhookBodies } from "./http/webhook-bodies.ts";
import { addMe } from "./me.ts";
import { addStats } from "./stats.ts";
import { addMetrics } from "./metrics.ts";
import { addTokens } from "./tokens.ts";
import { addWebhookSecrets } from "./webhooks/secrets.ts";
import { addWebhookFailures } from "./webhooks/failures.ts";
import { addUrlCheck } from "./webhooks/check-url.ts";
import { addWebhookTest } from "./webhooks/test.ts";
import { addWebhooks } from "./webhooks/webhooks.ts";
import { addWorkflowSecrets } from "./workflows/secrets.ts";
import { addWorkflowTest } from "./workflows/test.ts";
import { addWorkflows } from "./workflows/workflows.ts";

export function createApi(deps: ApiDeps, identifyAs?: Identify): Api {
  const { apiTokens, corsOrigins } = deps.config;
  const tokens = new SignedTokens(apiTokens);
  const api = newApi();
  useForEveryRequest(api, { metrics: deps.metrics, corsOrigins });
  // For every path below /v1, with a route or without: a caller without a token learns of no route.
  const identify = identifyAs ?? identifyBy({ ...deps, apiTokens, tokens });
  api.use("/v1/*", requirePrincipal(identify, deps), refuseWrites(api), noteActions(api, deps));

  addEvents(api, deps);
  addWebhooks(api, deps);
  addWebhookSecrets(api, deps);
  addWebhookTest(api, deps);
  addUrlCheck(api, deps);
  addConfig(api, deps);
  addWebhookFailures(api, deps);
  addLogs(api, deps);
  addStream(api, deps, identify);
  addAlerts(api, deps);
  addSearch(api, deps);
  addParked(api, deps);
  addAttempts(api, deps);
  addDeliveries(api, deps);
  addEventTypes(api, deps);
  addSample(api, deps);
  addRejected(api, deps);
  addStats(api, deps);
  addTokens(api, deps, tokens);
  addMe(api, deps);
  addAudit(api, deps);
  addOwners(api, deps);
  addTunnel(api, deps);
  addExecutions(api, deps);
  addWorkflows(api, deps);
  addWorkflowSecrets(api, deps);
  addWorkflowTest(api, deps);
  addHealth(api, deps);
  addMetrics(api, deps, identify);
  addWebhookBodies(api);
  documentReadOnly(api);
  addDocument(api, deps.config.version);

  const allowed = allowedMethods(api);
  api.notFound((c) => {
    const methods = allowed(c.req.path);
    if (methods.length === 0) {
      return problem(
        c,
        "not-found",
        "there is no route with this path; /openapi.json lists all routes",
      );
    }
    const allow = methods.join(", ");
    return problem(c, "method-not-allowed", `this path accepts ${allow}`, {
      headers: { Allow: allow },
    });
  });
  api.onError((error, c) => answerError(error, c, deps.log));
  return api;
}
