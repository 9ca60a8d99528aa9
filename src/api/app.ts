// The HTTP API put together: headers on every answer, who is asking, the resources, the errors.
import { addDocument, newApi, type Api } from "./openapi.ts";
import { allowedMethods } from "./allowed-methods.ts";
import { authenticate, requirePrincipal, type Identify } from "./auth.ts";
import { addDeliveries } from "./deliveries.ts";
import type { ApiDeps } from "./deps.ts";
import { addEventTypes } from "./event-types.ts";
import { addEvents } from "./events.ts";
import { addHealth } from "./health.ts";
import { addLogs } from "./logs.ts";
import { addParked } from "./parked.ts";
import { answerError, problem } from "./problem.ts";
import { addRejected } from "./rejected.ts";
import { addWebhooks } from "./webhooks.ts";

export function createApi(
  deps: ApiDeps,
  identify: Identify = (authorization) => authenticate(authorization, deps.config.apiToken),
): Api {
  const api = newApi();
  api.use(async (c, next) => {
    await next();
    c.header("Cache-Control", "no-store");
    c.header("X-Content-Type-Options", "nosniff");
  });
  // Before all routes below /v1, known or not: without a token nobody learns which there are.
  api.use("/v1/*", requirePrincipal(identify));

  addEvents(api, deps);
  addWebhooks(api, deps);
  addLogs(api, deps);
  addParked(api, deps);
  addDeliveries(api, deps);
  addEventTypes(api, deps);
  addRejected(api, deps);
  addHealth(api, deps);
  addDocument(api, deps.config.version);

  const allowed = allowedMethods(api);
  api.notFound((c) => {
    const methods = allowed(c.req.path);
    if (methods.length === 0) {
      return problem(c, "not-found", "nothing is at this path; /openapi.json lists what there is");
    }
    const allow = methods.join(", ");
    return problem(c, "method-not-allowed", `this path takes ${allow}`, {
      headers: { Allow: allow },
    });
  });
  api.onError((error, c) => answerError(error, c, deps.log));
  return api;
}
