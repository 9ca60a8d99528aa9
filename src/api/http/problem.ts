// Every error that the API answers, as application/problem+json (RFC 9457).
import type { Context, TypedResponse } from "hono";
import { HTTPException } from "hono/http-exception";
import { z } from "zod";
import {
  ParkedIndexIncomplete,
  ValkeyFull,
  ValkeyUnavailable,
} from "../../valkey/connection/errors.ts";
import { NOT_READY_CODES, type NotReadyCause } from "../../wire/not-ready.ts";
import type { ApiLog } from "../deps.ts";
import type { ApiEnv } from "./env.ts";

const PROBLEMS = {
  "bad-request": { status: 400, title: "The request is malformed" },
  "not-json": { status: 400, title: "The body is not JSON" },
  unauthorized: { status: 401, title: "A valid token is required" },
  "token-expired": { status: 401, title: "This token has expired" },
  "read-only": { status: 403, title: "This token is read-only" },
  "not-found": { status: 404, title: "Not found" },
  "method-not-allowed": { status: 405, title: "Method not allowed" },
  "duplicate-webhook": { status: 409, title: "This owner has a webhook with this url" },
  "too-many-webhooks": { status: 409, title: "This owner has the maximum number of webhooks" },
  "duplicate-workflow": { status: 409, title: "A workflow has this id" },
  "too-many-workflows": { status: 409, title: "The maximum number of workflows is stored" },
  "too-many-keys": { status: 409, title: "This owner has the maximum number of API keys" },
  "key-reused": { status: 409, title: "This Idempotency-Key was used with another body" },
  "in-flight": { status: 409, title: "The delivery is in flight" },
  "wrong-state": { status: 409, title: "The execution is in another state" },
  "webhook-disabled": { status: 409, title: "The webhook is disabled" },
  unreadable: { status: 409, title: "The stored record cannot be read" },
  "precondition-failed": { status: 412, title: "It has changed since it was read" },
  gone: { status: 410, title: "The delivery is no longer available" },
  "too-large": { status: 413, title: "Too large" },
  "unsupported-media-type": { status: 415, title: "Unsupported media type" },
  invalid: { status: 422, title: "The input is invalid" },
  "too-deep": { status: 422, title: "The body is nested too deep" },
  "precondition-required": { status: 428, title: "If-Match is required" },
  "too-many-failures": { status: 429, title: "Too many wrong tokens" },
  "too-many-sessions": { status: 429, title: "Too many sessions of fluxhook listen" },
  "too-many-tests": { status: 429, title: "Too many tests" },
  internal: { status: 500, title: "Internal error" },
  unavailable: { status: 503, title: "Valkey is not available" },
  "wrong-type": { status: 503, title: "A key in Valkey holds another type than Fluxhook's" },
  "not-ready": { status: 503, title: "Not ready" },
  "too-many-viewers": { status: 503, title: "Too many viewers" },
  stopping: { status: 503, title: "This process is stopping" },
} as const;

export type ProblemKind = keyof typeof PROBLEMS;
const PROBLEM_TYPES = (Object.keys(PROBLEMS) as ProblemKind[]).map(
  (kind) => `urn:fluxhook:problem:${kind}` as const,
);

export const problemSchema = z
  .object({
    type: z.enum(PROBLEM_TYPES).meta({ example: "urn:fluxhook:problem:invalid" }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z
      .array(
        z.object({
          field: z.string().describe("dotted path; empty for the whole input"),
          code: z.string(),
          message: z.string(),
        }),
      )
      .optional()
      .describe("one entry for each invalid field"),
    webhook_id: z.string().optional().describe("the existing webhook of a `duplicate-webhook`"),
    causes: z
      .array(
        z.object({
          code: z.enum(NOT_READY_CODES),
          queue: z.string().nullable().describe("the affected list; null for all of them"),
          message: z.string(),
        }),
      )
      .optional()
      .describe("for `not-ready`: the causes"),
  })
  .meta({ id: "Problem" });

export type Problem = z.infer<typeof problemSchema>;
export type FieldError = NonNullable<Problem["errors"]>[number];

export type ProblemStatus = (typeof PROBLEMS)[ProblemKind]["status"];
type StatusOf<K extends ProblemKind> = (typeof PROBLEMS)[K]["status"];

interface ProblemExtras {
  errors?: FieldError[];
  webhookId?: string;
  causes?: NotReadyCause[];
  headers?: Record<string, string>;
}

export function problem<K extends ProblemKind>(
  c: Context<ApiEnv>,
  kind: K,
  detail: string,
  extras: ProblemExtras = {},
): Response & TypedResponse<Problem, StatusOf<K>, "json"> {
  const { status, title } = PROBLEMS[kind];
  const body: Problem = { type: `urn:fluxhook:problem:${kind}`, title, status, detail };
  if (extras.errors) body.errors = extras.errors;
  if (extras.webhookId !== undefined) body.webhook_id = extras.webhookId;
  if (extras.causes) body.causes = extras.causes;
  const headers: Record<string, string> = {
    ...extras.headers,
    "Content-Type": "application/problem+json",
  };
  if (status === 503) headers["Retry-After"] ??= "1";
  return c.json<Problem, StatusOf<K>>(body, status as StatusOf<K>, headers);
}

export function invalid(c: Context<ApiEnv>, errors: FieldError[]) {
  const first = errors[0];
  const detail =
    errors.length === 1 && first ? sentence(first) : `${errors.length} fields are invalid`;
  return problem(c, "invalid", detail, { errors });
}

/** The messages about events already name their field. */
function sentence({ field, message }: FieldError): string {
  const name = field.slice(field.lastIndexOf(".") + 1);
  return message.startsWith(name) ? message : `${field}: ${message}`;
}

/** A body with thousands of invalid fields is not answered with thousands of entries. */
const MAX_ERRORS = 100;

/** Turns zod's issues into field errors. Zod's messages name only the type of what was found. */
export function fieldErrors(error: z.ZodError, target = "json"): FieldError[] {
  const errors = error.issues.slice(0, MAX_ERRORS).flatMap((issue): FieldError[] => {
    const path = issue.path.map(String);
    if (issue.code !== "unrecognized_keys") {
      return [{ field: path.join("."), code: issue.code, message: issue.message }];
    }
    return issue.keys.slice(0, MAX_ERRORS).map((key) => ({
      field: [...path, key].join("."),
      code: "unknown_field",
      message: `is not a ${target === "query" ? "parameter of this route" : "field of this object"}`,
    }));
  });
  return errors.slice(0, MAX_ERRORS);
}

/** The hook of every route: answers input that zod refuses with 422. */
export function answerInvalid(
  result: { target: string } & ({ success: true } | { success: false; error: z.ZodError }),
  c: Context<ApiEnv>,
) {
  return result.success ? undefined : invalid(c, fieldErrors(result.error, result.target));
}

/** The only place where an exception becomes an answer. No part of the exception leaves the process. */
export function answerError(error: Error, c: Context<ApiEnv>, log: ApiLog) {
  const request = { method: c.req.method, path: sentPath(c) };
  if (error instanceof ValkeyUnavailable) {
    log.info({ ...request, err: error }, "request.unavailable");
    return problem(
      c,
      "unavailable",
      c.req.method === "GET" || c.req.method === "HEAD"
        ? "try again"
        : "a write answered 503 may have been applied; repeat it with its Idempotency-Key",
    );
  }
  if (error instanceof ValkeyFull) {
    log.error({ ...request, err: error }, "request.unavailable");
    return problem(c, "unavailable", `${error.message}; nothing was written, try again later`);
  }
  if (error instanceof ParkedIndexIncomplete) {
    log.info({ ...request, err: error }, "request.unavailable");
    return problem(c, "not-ready", `${error.message}; nothing was changed, try again`);
  }
  if (isWrongType(error)) {
    log.error({ ...request, keys: keysOf(error), err: error }, "request.wrong_type");
    return problem(c, "wrong-type", wrongTypeDetail(c, keysOf(error)));
  }
  // Hono's own validators throw these two.
  if (error instanceof HTTPException && error.status === 400) {
    return problem(c, "not-json", "the body is not valid JSON");
  }
  if (error instanceof HTTPException && error.status === 415) {
    return problem(c, "unsupported-media-type", "send Content-Type: application/json");
  }
  log.error({ ...request, err: error }, "request.failed");
  return problem(c, "internal", "the request failed; Fluxhook's log has the cause");
}

/** Valkey's reply if another program has stored another type under a key. */
function isWrongType(error: Error): boolean {
  return error.message.startsWith("WRONGTYPE ");
}

const MAX_KEYS = 5;

/** Returns the keys of the refused command: its first argument, or the keys of a script. */
function keysOf(error: Error): string[] {
  const { command } = error as { command?: { name?: unknown; args?: unknown } };
  const args = Array.isArray(command?.args) ? command.args.map(String) : [];
  const isScript = /^eval/i.test(String(command?.name));
  return isScript ? args.slice(2, 2 + Math.min(Number(args[1]), MAX_KEYS)) : args.slice(0, 1);
}

/** Only the operator may see key names; a scoped token learns that the operator has to repair it. */
function wrongTypeDetail(c: Context<ApiEnv>, keys: readonly string[]): string {
  const isOperator =
    (c.var.principal as ApiEnv["Variables"]["principal"] | undefined)?.kind === "api";
  return isOperator && keys.length > 0
    ? `${keys.length === 1 ? "this key holds" : "one of these keys holds"} another type than Fluxhook's: ${keys.join(", ")}; remove it or name another prefix`
    : "the operator of this service has to repair it";
}

const MAX_PATH_LENGTH = 200;

/** The path as it was sent, percent-encoded: its decoded form could move a terminal's cursor. */
function sentPath(c: Context<ApiEnv>): string {
  return (URL.parse(c.req.url, "http://localhost")?.pathname ?? "").slice(0, MAX_PATH_LENGTH);
}
