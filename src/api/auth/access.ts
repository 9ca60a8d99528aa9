// What a read-only token may call: every GET, and what the definition of a route says that only reads. A new
// route that says nothing is refused, so no route can forget it.
import type { MiddlewareHandler } from "hono";
import { isJsonObject } from "../../wire/json-object.ts";
import { jsonBody } from "../http/body.ts";
import { declaredRoutes, type DeclaredRoute } from "../http/declared-routes.ts";
import type { ApiEnv } from "../http/env.ts";
import { problems, type Api } from "../http/openapi.ts";
import { problem } from "../http/problem.ts";

/** In a route's definition and in the OpenAPI document. */
const ACCESS = "x-fluxhook-access";
type Access = "reads" | "reads-with-dry-run-in-query" | "reads-with-dry-run-in-body";

/** Spread into the definition of a route that changes nothing, though it is no GET. */
export const READS = { [ACCESS]: "reads" satisfies Access };

/** Spread into the definition of a route that changes nothing with `?dry_run=true`. */
export const READS_WITH_DRY_RUN = { [ACCESS]: "reads-with-dry-run-in-query" satisfies Access };

/** Spread into the definition of a route that changes nothing with `"dry_run": true` in its body. */
export function bodyWithDryRun(maxBytes: number) {
  return {
    [ACCESS]: "reads-with-dry-run-in-body" satisfies Access,
    middleware: [jsonBody(maxBytes), dryRunInBody],
  };
}

/** After authentication, for every path below /v1. */
export function refuseWrites(api: Api): MiddlewareHandler<ApiEnv> {
  let declared: DeclaredRoute[] | null = null;
  return async (c, next) => {
    const { method } = c.req;
    if (!c.var.principal.token.readOnly || method === "GET" || method === "HEAD") return next();
    declared ??= declaredRoutes(api);
    const route = declared.find((one) => one.method === method && one.pattern.test(c.req.path));
    switch (route && accessOf(route)) {
      case "reads":
      case "reads-with-dry-run-in-body":
        return next();
      case "reads-with-dry-run-in-query":
        if (c.req.query("dry_run") === "true") return next();
    }
    return readOnly(c);
  };
}

const dryRunInBody: MiddlewareHandler<ApiEnv> = async (c, next) => {
  if (!c.var.principal.token.readOnly) return next();
  const body: unknown = await c.req.json();
  return isJsonObject(body) && "dry_run" in body && body.dry_run === true ? next() : readOnly(c);
};

/** Adds the answer to the definition of every route that a read-only token may not call. */
export function documentReadOnly(api: Api): void {
  for (const route of declaredRoutes(api)) {
    const { definition, method } = route;
    if (method === "GET" || definition.security !== undefined) continue;
    if (changesNothing(route)) continue;
    Object.assign(definition.responses, problems(403));
  }
}

/** Whatever it is sent. */
export function changesNothing(route: DeclaredRoute): boolean {
  return accessOf(route) === "reads";
}

function accessOf({ definition }: DeclaredRoute): Access | undefined {
  return (definition as { [ACCESS]?: Access })[ACCESS];
}

function readOnly(c: Parameters<MiddlewareHandler<ApiEnv>>[0]) {
  return problem(c, "read-only", "this token may read, and change nothing");
}
