// The requests that receivers get, as the `webhooks` of /openapi.json (OpenAPI 3.1 §4.8.1).
import { DIALECT_NAMES, dialectOf, eventSchemaName } from "../../wire/dialects/registry.ts";
import { OPEN, type Api } from "./openapi.ts";

export function addWebhookBodies(api: Api): void {
  for (const name of DIALECT_NAMES) {
    const { body } = dialectOf(name);
    const { ref } = api.openAPIRegistry.registerComponent("schemas", eventSchemaName(name), {
      type: "object",
      description: `the body of a request in the dialect \`${name}\``,
      properties: { ...body },
      required: Object.keys(body),
    });
    api.openAPIRegistry.registerWebhook({
      method: "post",
      path: name,
      summary: `An event for a webhook with the dialect ${name}`,
      tags: ["webhooks"],
      security: OPEN,
      request: { body: { required: true, content: { "application/json": { schema: ref } } } },
      responses: { "2XX": { description: "it has arrived; anything else is tried again" } },
    });
  }
}
