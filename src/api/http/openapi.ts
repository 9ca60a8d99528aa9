// Declares routes, so that /openapi.json is generated from the schemas that check the input.
import { OpenAPIHono } from "@hono/zod-openapi";
import { getPath } from "hono/utils/url";
import { z } from "zod";
import type { ApiEnv } from "./env.ts";
import { answerInvalid, problemSchema, type ProblemStatus } from "./problem.ts";

export type Api = OpenAPIHono<ApiEnv>;

export function newApi(): Api {
  return new OpenAPIHono<ApiEnv>({
    defaultHook: answerInvalid,
    // Without a Host (HTTP/1.0, as some health checks send) Bun's url is only the path, and Hono's own
    // function would cut off its beginning.
    getPath: (request) => getPath(request.url.startsWith("/") ? withHost(request.url) : request),
  });
}

function withHost(path: string): Request {
  return new Request(`http://localhost${path}`);
}

/** The `security` of routes that need no token. */
export const OPEN: Record<string, string[]>[] = [];

export function json<S extends z.ZodType>(schema: S, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** The body of a route, checked by this very schema. */
export function jsonInput<S extends z.ZodType>(schema: S) {
  return { required: true, content: { "application/json": { schema } } };
}

const DESCRIPTIONS: Record<ProblemStatus, string> = {
  400: "the body is not JSON, or the request is malformed",
  401: "no valid token",
  403: "the token is read-only",
  404: "it does not exist, or it belongs to another owner",
  405: "the path has no such method; see `Allow`",
  409: "it conflicts with the current state",
  410: "it can no longer be redelivered, or what it sent is no longer kept",
  412: "it has changed since the caller read it; read it again",
  413: "the body or an event in it is too large",
  415: "the body is not application/json",
  422: "the input is invalid; `errors` names each field",
  428: "`If-Match` is required, so that no change of another caller is lost",
  429: "too many wrong tokens from this address (a right one is always accepted), or too many tests",
  500: "an internal error of Fluxhook",
  503: "Valkey is not available; a write may have been applied. Or the service is busy: see `type`",
};

type ProblemResponse = {
  description: string;
  content: { "application/problem+json": { schema: typeof problemSchema } };
};

export function problems<const S extends ProblemStatus>(
  ...statuses: S[]
): Record<S, ProblemResponse> {
  // Every route that needs a token may answer that the address has sent too many wrong ones.
  const all: ProblemStatus[] = statuses.includes(401 as S) ? [...statuses, 429] : statuses;
  return Object.fromEntries(
    all.map((status): [ProblemStatus, ProblemResponse] => [
      status,
      {
        description: DESCRIPTIONS[status],
        content: { "application/problem+json": { schema: problemSchema } },
      },
    ]),
  ) as Record<S, ProblemResponse>;
}
