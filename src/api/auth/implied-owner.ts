// A scoped token implies its owner (docs/design.md §2.5): a request that names no owner means that one.
import type { MiddlewareHandler } from "hono";
import { isJsonObject } from "../../wire/json-object.ts";
import { splitOwnerRef } from "../../wire/owner.ts";
import { cacheText } from "../http/body.ts";
import type { ApiEnv } from "../http/env.ts";

/** Adds the owner to the query, before the schema of the route, which requires one. */
export const impliedInQuery: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const named = c.req.query("user_id") ?? c.req.query("org_id");
  const own = named === undefined ? ownField(c.var.principal) : null;
  if (own) {
    // The base is for a request without a Host (HTTP/1.0).
    const url = new URL(c.req.url, "http://localhost");
    url.searchParams.append(...own);
    c.req.raw = new Request(url.href, { method: c.req.method, headers: c.req.raw.headers });
  }
  return next();
};

/** Adds the owner to the body, after `jsonBody`. */
export const impliedInBody: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const body: unknown = await c.req.json();
  const own = isJsonObject(body) && !("user_id" in body) && !("org_id" in body);
  const field = own ? ownField(c.var.principal) : null;
  if (field) {
    cacheText(c, JSON.stringify({ ...(body as object), [field[0]]: field[1] }));
  }
  return next();
};

function ownField(principal: ApiEnv["Variables"]["principal"]): [string, string] | null {
  if (principal.kind === "api") return null;
  const { kind, id } = splitOwnerRef(principal.owner);
  return [`${kind}_id`, id];
}
