// POST /v1/events: pushes events over HTTP, for producers that do not push to the list themselves.
import { createHash } from "node:crypto";
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { elementText, eventSchema, tooLargeMessage, type RejectionReason } from "../wire/event.ts";
import { EVENTS_PER_REQUEST, readEventsInSteps } from "../wire/event-batch.ts";
import type { Steps } from "../wire/steps.ts";
import { apiOnly } from "./auth/authenticate.ts";
import { jsonText, notJson } from "./http/body.ts";
import type { ApiDeps } from "./deps.ts";
import type { ApiEnv } from "./http/env.ts";
import { newId } from "../wire/new-id.ts";
import { json, jsonInput, problems, type Api } from "./http/openapi.ts";
import { fieldErrors, invalid, problem, type FieldError } from "./http/problem.ts";
import { inTurns } from "./http/turns.ts";

/** Of the whole body; each event in it has its own limit, FLUXHOOK_MAX_EVENT_BYTES. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
const TOO_LARGE: RejectionReason = "too-large";
const NOT_JSON: RejectionReason = "not-json";

const headersSchema = z.object({
  "Idempotency-Key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, { error: "must be 1 to 255 visible ASCII characters" })
    .optional()
    .describe("for 24 hours, repeating the same key and body pushes nothing"),
});

const route = createRoute({
  method: "post",
  path: "/v1/events",
  summary: "Push one event, or up to 1,000: all or nothing",
  description: "`data` is delivered exactly as it was sent. Unknown fields are ignored.",
  tags: ["events"],
  request: {
    headers: headersSchema,
    body: jsonInput(z.union([eventSchema, z.array(eventSchema).min(1).max(EVENTS_PER_REQUEST)])),
  },
  responses: {
    202: json(z.object({ ids: z.array(z.string()) }), "pushed; `ids` is in the order of the input"),
    ...problems(400, 401, 404, 409, 413, 415, 422, 500, 503),
  },
});

export function addEvents(api: Api, { stores, config, now }: ApiDeps): void {
  const limits = { maxEventBytes: config.maxEventBytes, eventTypes: config.eventTypes };
  const body = jsonText(Math.max(MAX_BODY_BYTES, 2 * limits.maxEventBytes));

  // Declared apart from its handler: the schema's own validator would parse the body into values, and
  // `data` would lose its exact text. `readEventsInSteps` applies the same eventSchema to the text.
  api.openAPIRegistry.registerPath(route);
  api.post(route.getRoutingPath(), apiOnly, body, async (c) => {
    const header = headersSchema.safeParse({
      "Idempotency-Key": c.req.header("idempotency-key"),
    });
    if (!header.success) return invalid(c, fieldErrors(header.error));

    const text = c.var.bodyText;
    const newEventId = () => newId("evt");
    const read = await inTurns(readEventsInSteps(text, { ...limits, newId: newEventId }));
    if (!read.ok) {
      if (read.errors.some(({ code }) => code === NOT_JSON)) return notJson(c, text);
      return read.errors.every(({ code }) => code === TOO_LARGE)
        ? tooLarge(c, read.errors)
        : invalid(c, read.errors);
    }
    const at = now().toISOString();
    const elements = read.events.map((event) =>
      elementText({ ...event, timestamp: event.timestamp ?? at }),
    );
    // A timestamp that was added here makes an element longer; the claim rejects one over the limit.
    const isArray = /^\s*\[/.test(text);
    const grown = elements.flatMap((element, position): FieldError[] => {
      const bytes = Buffer.byteLength(element);
      if (bytes <= limits.maxEventBytes) return [];
      const message = tooLargeMessage(bytes, limits.maxEventBytes);
      return [{ field: isArray ? String(position) : "", code: TOO_LARGE, message }];
    });
    if (grown.length > 0) return tooLarge(c, grown);

    const key = header.data["Idempotency-Key"];
    const pushed = await stores.intake.push(
      elements,
      key === undefined ? null : { key, fingerprint: await sha256(c.var.bodyBytes) },
      read.events.map(({ id }) => id),
    );
    return pushed.pushed
      ? c.json({ ids: pushed.ids }, 202)
      : problem(c, "key-reused", "use a new Idempotency-Key for another body");
  });
}

function tooLarge(c: Context<ApiEnv>, errors: FieldError[]) {
  return problem(c, "too-large", "an event is larger than FLUXHOOK_MAX_EVENT_BYTES", { errors });
}

const HASHED_AT_ONCE_BYTES = 1024 * 1024;

async function sha256(bytes: Uint8Array): Promise<string> {
  return inTurns(hashSteps(bytes));
}

function* hashSteps(bytes: Uint8Array): Steps<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < bytes.length; at += HASHED_AT_ONCE_BYTES) {
    hash.update(bytes.subarray(at, at + HASHED_AT_ONCE_BYTES));
    yield;
  }
  return hash.digest("hex");
}
