// /v1/users/…/logs and /v1/orgs/…/logs: the last delivery attempts of an owner.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { logEntrySchema } from "../wire/log-entry.ts";
import { ownerIdSchema, ownerRef } from "../wire/owner.ts";
import { maySee } from "./auth/authenticate.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";
import { problem } from "./http/problem.ts";

const logsSchema = z.object({ logs: z.array(logEntrySchema) });
const responses = {
  200: json(logsSchema, "newest first"),
  ...problems(401, 404, 422, 500, 503),
};

export function addLogs(api: Api, { stores }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/users/{user_id}/logs",
      summary: "List the last attempts to a user's webhooks",
      tags: ["logs"],
      request: { params: z.object({ user_id: ownerIdSchema }) },
      responses,
    }),
    async (c) => {
      const owner = ownerRef("user", c.req.valid("param").user_id);
      if (!maySee(c.var.principal, owner)) return problem(c, "not-found", "there is no such user");
      return c.json({ logs: await stores.logs.read(owner) }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/orgs/{org_id}/logs",
      summary: "List the last attempts to an organisation's webhooks",
      tags: ["logs"],
      request: { params: z.object({ org_id: ownerIdSchema }) },
      responses,
    }),
    async (c) => {
      const owner = ownerRef("org", c.req.valid("param").org_id);
      if (!maySee(c.var.principal, owner))
        return problem(c, "not-found", "there is no such organisation");
      return c.json({ logs: await stores.logs.read(owner) }, 200);
    },
  );
}
