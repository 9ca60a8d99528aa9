// How routes are declared, so that /openapi.json is made from the schemas that check the input.
import { OpenAPIHono } from "@hono/zod-openapi";
import { getPath } from "hono/utils/url";
import { z } from "zod";
import type { ApiEnv } from "./env.ts";
import { answerInvalid, problemSchema, type ProblemStatus } from "./problem.ts";

export type Api = OpenAPIHono<ApiEnv>;

export function newApi(): Api {
  return new OpenAPIHono<ApiEnv>({
    defaultHook: answerInvalid,
    // Without a Host (HTTP/1.0, as some health checks ask) Bun's url is the path alone, of which
    // Hono's own way would cut off the beginning.
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
  404: "there is no such thing, or it is another owner's",
  405: "the path has no such method; see `Allow`",
  409: "it conflicts with what is there",
  410: "it can no longer be redelivered",
  413: "the body or an event in it is too large",
  415: "the body is not application/json",
  422: "the input is invalid; `errors` names each field",
  429: "too many wrong tokens from this address (a right one is accepted at any time), or tests",
  500: "the fault is Fluxhook's",
  503: "Valkey is not available; a write may have been applied",
};

type ProblemResponse = {
  description: string;
  content: { "application/problem+json": { schema: typeof problemSchema } };
};

export function problems<const S extends ProblemStatus>(
  ...statuses: S[]
): Record<S, ProblemResponse> {
  // Whatever asks for a token says so when it has been shown too many wrong ones.
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
