// The OpenAPI document of the API as this checkout declares it, made without a service.
import { createApi } from "../src/api/app.ts";
import { VERSION } from "../src/version.ts";

/** As /openapi.json answers it. */
export function openApiDocument() {
  const api = createApi({
    stores: unasked(),
    executions: unasked(),
    executionControl: unasked(),
    sendTest: unasked(),
    live: unasked(),
    config: {
      apiTokens: [],
      maxEventBytes: 0,
      maxWebhookBytes: 0,
      eventTypes: "open",
      version: VERSION,
    },
    notReadyCauses: () => [],
    now: unasked(),
    log: unasked(),
  });
  return api.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "", version: VERSION } });
}

/** In place of what only a request would use, and none is made: any member of it, none callable. */
function unasked(): never {
  const target = () => {
    throw new Error("the OpenAPI document is made without a request");
  };
  return new Proxy(target, { get: () => unasked() }) as never;
}
