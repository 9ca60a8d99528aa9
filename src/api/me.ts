// GET /v1/me: what the token of the request is, and what it may do. The first call of a page.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { splitOwnerRef } from "../wire/owner.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";

const meSchema = z
  .object({
    kind: z
      .enum(["api", "dashboard", "owner", "key"])
      .describe(
        "`api`: FLUXHOOK_API_TOKEN; `dashboard`: reaches everything until it expires; `owner`: a scoped " +
          "token; `key`: an API key of an owner",
      ),
    user_id: z.string().optional().describe("the owner that the token reaches"),
    org_id: z.string().optional(),
    name: z.string().nullable().describe("of the token, if it was given one"),
    read_only: z.boolean().describe("whatever would change something is answered 403"),
    api_keys: z.boolean().describe("it may make API keys: of its owner, or of any owner"),
    expires_at: z.string().nullable().describe("RFC 3339; null if it does not expire"),
    version: z.string().describe("of Fluxhook"),
  })
  .meta({ id: "Me" });

export function addMe(api: Api, { config }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/me",
      summary: "Get what the token of this request is",
      tags: ["tokens"],
      responses: { 200: json(meSchema, "the token, without its text"), ...problems(401, 500, 503) },
    }),
    (c) => {
      const { principal } = c.var;
      const { kind, name, readOnly, mayMakeKeys, expiresAtMs } = principal.token;
      const owner = principal.kind === "owner" ? splitOwnerRef(principal.owner) : null;
      return c.json(
        {
          kind,
          ...(owner && { [`${owner.kind}_id`]: owner.id }),
          name,
          read_only: readOnly,
          api_keys: mayMakeKeys && !readOnly,
          expires_at: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(),
          version: config.version,
        },
        200,
      );
    },
  );
}
