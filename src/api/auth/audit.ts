// Notes who did what, in the one place that every change goes through: after each request that has changed
// something. A new route is noted by its method and path until it gets a name here, so none is forgotten.
import type { Context, MiddlewareHandler } from "hono";
import { ownerRef, type OwnerRef } from "../../wire/owner.ts";
import type { AuditEntry } from "../../wire/audit.ts";
import type { ApiDeps } from "../deps.ts";
import { declaredRoutes, type DeclaredRoute } from "../http/declared-routes.ts";
import type { ApiEnv } from "../http/env.ts";
import type { Api } from "../http/openapi.ts";
import { changesNothing } from "./access.ts";

/** What the audit calls each route. */
export const ACTIONS: Readonly<Record<string, string>> = {
  "POST /v1/webhooks": "webhook.created",
  "PATCH /v1/webhooks/{id}": "webhook.changed",
  "DELETE /v1/webhooks/{id}": "webhook.deleted",
  "POST /v1/webhooks/{id}/enable": "webhook.enabled",
  "POST /v1/webhooks/{id}/disable": "webhook.disabled",
  "POST /v1/webhooks/{id}/test": "webhook.tested",
  "POST /v1/webhooks/{id}/rotate-secret": "webhook.secret_rotated",
  "GET /v1/webhooks/{id}/secret": "webhook.secret_revealed",
  "PUT /v1/users/{user_id}/config": "config.replaced",
  "PUT /v1/orgs/{org_id}/config": "config.replaced",
  "POST /v1/deliveries/{delivery_id}/redeliver": "delivery.redelivered",
  "POST /v1/deliveries/{delivery_id}/sign": "delivery.signed",
  "POST /v1/parked/redeliver": "parked.redelivered",
  "POST /v1/rejected/requeue": "rejected.requeued",
  "POST /v1/tokens": "token.created",
  "DELETE /v1/tokens/{key_id}": "token.revoked",
  "DELETE /v1/users/{user_id}": "owner.erased",
  "DELETE /v1/orgs/{org_id}": "owner.erased",
  "POST /v1/listen": "listen.started",
  "DELETE /v1/listen/{session}": "listen.ended",
  "POST /v1/workflows": "workflow.created",
  "PUT /v1/workflows/{id}": "workflow.changed",
  "PATCH /v1/workflows/{id}": "workflow.changed",
  "DELETE /v1/workflows/{id}": "workflow.deleted",
  "POST /v1/executions/{execution_id}/retry": "execution.retried",
  "POST /v1/executions/{execution_id}/cancel": "execution.cancelled",
  "POST /v1/workflows/{id}/enable": "workflow.enabled",
  "POST /v1/workflows/{id}/disable": "workflow.disabled",
  "POST /v1/workflows/{id}/test": "workflow.tested",
  "POST /v1/workflows/{id}/rotate-secret": "workflow.secret_rotated",
  "GET /v1/workflows/{id}/secret": "workflow.secret_revealed",
};

/** What an application does all the time, and is no change of anybody's settings. */
export const NOT_NOTED: ReadonlySet<string> = new Set([
  "POST /v1/events",
  "POST /v1/listen/{session}/answers",
]);

/** Says more about the action of this request than its path does. Never pass a secret. */
export function noteForAudit(
  c: Context<ApiEnv>,
  note: NonNullable<ApiEnv["Variables"]["audit"]>,
): void {
  c.set("audit", { ...c.var.audit, ...note });
}

/** After authentication, for every path below /v1. */
export function noteActions(
  api: Api,
  { stores, log }: Pick<ApiDeps, "stores" | "log">,
): MiddlewareHandler<ApiEnv> {
  let routes: NotedRoute[] | null = null;
  return async (c, next) => {
    await next();
    if (!c.res.ok) return;
    routes ??= notedRoutes(api);
    const method = c.req.method === "HEAD" ? "GET" : c.req.method;
    const route = routes.find((one) => one.method === method && one.pattern.test(c.req.path));
    if (route === undefined || c.var.audit?.isDryRun) return;
    const parameters = route.pattern.exec(c.req.path)?.groups ?? {};
    const entry = {
      action: route.action,
      by: whoIs(c),
      owner: c.var.audit?.owner ?? ownerOf(c, parameters),
      about: c.var.audit?.about ?? aboutOf(parameters),
      details: c.var.audit?.details ?? {},
    };
    try {
      await stores.audit.add(entry);
    } catch (error) {
      // What was done is done: the answer stays, and this line is what is left.
      log.error({ err: error, action: entry.action, about: entry.about }, "audit.failed");
    }
  };
}

interface NotedRoute extends DeclaredRoute {
  action: string;
}

function notedRoutes(api: Api): NotedRoute[] {
  return declaredRoutes(api).flatMap((route) => {
    const name = `${route.method} ${route.definition.path}`;
    const action = ACTIONS[name];
    if (action !== undefined) return [{ ...route, action }];
    const isOpen = route.definition.security !== undefined;
    if (isOpen || route.method === "GET" || NOT_NOTED.has(name) || changesNothing(route)) return [];
    return [{ ...route, action: name }];
  });
}

function whoIs(c: Context<ApiEnv>): AuditEntry["by"] {
  const { kind, id, name } = c.var.principal.token;
  return { kind, id: id === "" ? null : id, name };
}

function ownerOf(c: Context<ApiEnv>, { user_id, org_id }: Record<string, string>): OwnerRef | null {
  const { principal } = c.var;
  if (principal.kind === "owner") return principal.owner;
  if (user_id !== undefined) return ownerRef("user", decoded(user_id));
  return org_id === undefined ? null : ownerRef("org", decoded(org_id));
}

function aboutOf({
  id,
  delivery_id,
  execution_id,
  key_id,
  session,
}: Record<string, string>): string | null {
  return id ?? delivery_id ?? execution_id ?? key_id ?? session ?? null;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
