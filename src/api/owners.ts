// DELETE /v1/users/… and /v1/orgs/…: removes everything of an owner.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { ownerIdSchema, ownerRef } from "../wire/owner.ts";
import { noteForAudit } from "./auth/audit.ts";
import { apiOnly } from "./auth/authenticate.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";

const count = z.int().min(0);

const erasedSchema = z
  .object({ webhooks: count, parked: count, api_keys: count, sessions: count })
  .describe("how many of each there were")
  .meta({ id: "OwnerErased" });

const KINDS = [
  { kind: "user", parameter: "user_id", path: "/v1/users/{user_id}", whose: "a user" },
  { kind: "org", parameter: "org_id", path: "/v1/orgs/{org_id}", whose: "an organisation" },
] as const;

export function addOwners(api: Api, { stores }: ApiDeps): void {
  for (const { kind, parameter, path, whose } of KINDS) {
    api.openapi(
      createRoute({
        method: "delete",
        path,
        summary: `Remove everything that is kept of ${whose}`,
        description:
          "Webhooks with their secrets, the log, kept bodies, parked deliveries, sessions of `fluxhook " +
          "listen` and API keys are removed, and every token of the owner ends. Deliveries that wait for " +
          "their next attempt end when they are due. Elements on the lists, the audit and alerts (the last " +
          "1,000, at most seven days) stay. It may be repeated; an owner of whom nothing is kept is " +
          "answered with zeros.",
        tags: ["tokens"],
        middleware: [apiOnly],
        request: { params: z.object({ [parameter]: ownerIdSchema }) },
        responses: {
          200: json(erasedSchema, "removed"),
          ...problems(401, 404, 422, 500, 503),
        },
      }),
      async (c) => {
        const params: Record<string, string> = c.req.valid("param");
        const owner = ownerRef(kind, params[parameter] ?? "");
        const erased = await stores.eraser.erase(owner);
        const { webhooks, parked, apiKeys, sessions } = erased;
        const shown = { webhooks, parked, api_keys: apiKeys, sessions };
        noteForAudit(c, { owner, details: shown });
        return c.json(shown, 200);
      },
    );
  }
}
