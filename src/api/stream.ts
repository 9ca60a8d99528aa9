// GET /v1/stream: attempts as they are made, executions as they change, or the figures of the service, as
// server-sent events (docs/stream.md).
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import type { LiveSource } from "../live/hub.ts";
import type { LiveFilter } from "../live/server-sent.ts";
import { boundedText } from "../wire/bounded-text.ts";
import {
  EVENT_PATTERN_ACCEPTED,
  EVENT_PATTERN_FORM,
  isEventPattern,
} from "../wire/event-pattern.ts";
import { liveAttemptSchema, STREAM_OUTCOMES } from "../wire/live.ts";
import { liveExecutionSchema } from "../wire/live-execution.ts";
import { ownerIdSchema } from "../wire/owner.ts";
import { ownerOf } from "../wire/webhook.ts";
import { WORKFLOW_ID } from "../wire/workflow/workflow.ts";
import type { Identify } from "./auth/authenticate.ts";
import { noSuchOwner } from "./auth/no-such-owner.ts";
import { ownersAsked } from "./auth/owners-asked.ts";
import type { ApiDeps } from "./deps.ts";
import type { ApiEnv } from "./http/env.ts";
import { problems, type Api } from "./http/openapi.ts";
import { problem } from "./http/problem.ts";
import { findWebhook, noSuchWebhook } from "./webhooks/find.ts";

const MAX_FOR_S = 86_400;
/** Other viewers come and go. */
const RETRY_AFTER_S = 10;

const HEADERS = {
  "Content-Type": "text/event-stream; charset=utf-8",
  // No proxy may store, compress or collect it (RFC 9111 §5.2.2.6; nginx, "X-Accel-Buffering").
  "Cache-Control": "no-store, no-transform",
  "X-Accel-Buffering": "no",
};

const NARROWING = ["user_id", "org_id", "webhook_id", "outcome", "event", "workflow_id"] as const;

const streamQuery = z
  .strictObject({
    user_id: ownerIdSchema.optional().describe("only attempts for this user's webhooks"),
    org_id: ownerIdSchema.optional().describe("only attempts for this organisation's webhooks"),
    webhook_id: boundedText(128, "must be a string")
      .min(1)
      .optional()
      .describe("only attempts for this webhook"),
    outcome: z
      .enum(STREAM_OUTCOMES, { error: `must be one of ${STREAM_OUTCOMES.join(", ")}` })
      .optional()
      .describe("only attempts with this outcome; `failed` is `retry` or `parked`"),
    event: z
      .string()
      .refine(isEventPattern, { error: `must be ${EVENT_PATTERN_ACCEPTED}` })
      .optional()
      .describe("only attempts of these event types: `file.created`, `file.*`")
      .meta(EVENT_PATTERN_FORM),
    executions: z
      .enum(["true", "false"], { error: "must be true or false" })
      .default("false")
      .describe("show executions of workflows in place of attempts; it needs the API token"),
    workflow_id: z
      .string()
      .regex(WORKFLOW_ID, { error: "must be the id of a workflow" })
      .optional()
      .describe("only executions of this workflow; with `executions=true`"),
    stats: z
      .enum(["true", "false"], { error: "must be true or false" })
      .default("false")
      .describe(
        "the figures of the service in place of attempts: `stats` every two seconds, as `GET /v1/stats` " +
          "answers, and `series`, the newest steps of `GET /v1/series`",
      ),
    for_s: z.coerce
      .number({ error: `must be a whole number from 0 to ${MAX_FOR_S}` })
      .int({ error: "must be a whole number" })
      .min(0, { error: "must be at least 0" })
      .max(MAX_FOR_S, { error: `must be at most ${MAX_FOR_S}` })
      .default(MAX_FOR_S)
      .describe(
        "end the stream after this many seconds; 0: send what was missed since `Last-Event-ID`, and end",
      )
      .meta({ type: "integer", minimum: 0, maximum: MAX_FOR_S, default: MAX_FOR_S }),
  })
  .refine((query) => query.user_id === undefined || query.org_id === undefined, {
    error: "give user_id or org_id, not both: a stream is of one owner, or of all",
    path: ["org_id"],
  })
  .superRefine((query, context) => {
    const others = new Set(NARROWING.filter((name) => query[name] !== undefined));
    const refuse = (field: string | undefined, message: string) => {
      if (field !== undefined) context.addIssue({ code: "custom", path: [field], message });
    };
    if (query.stats === "true") {
      const [field = query.executions === "true" ? "executions" : undefined] = others;
      refuse(field, "narrows another stream; with stats=true, give nothing else");
    } else if (query.executions === "true") {
      others.delete("workflow_id");
      refuse([...others][0], "narrows attempts; with executions=true, give workflow_id or nothing");
    } else if (others.has("workflow_id")) {
      refuse("workflow_id", "needs executions=true");
    }
  });

const headerSchema = z.object({
  "last-event-id": z
    .string()
    .regex(/^[!-~]{1,128}$/, { error: "must be the id of an event of this stream" })
    .optional()
    .describe("the `id` of the last event that the client got: what came since is sent first"),
});

export function addStream(api: Api, { stores, live }: ApiDeps, identify: Identify): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/stream",
      summary: "Watch attempts, executions or the service's figures, as server-sent events",
      description:
        "With an owner or a webhook, every attempt as it comes into the owner's log. With the API token " +
        "and neither, the attempts of all owners, up to 200 a second of each process: of more, a sample " +
        "with failures first. Each event is JSON. `attempt` is a `LogEntry` with its owner, and its id is " +
        "the attempt's `delivery_id`. `hello` comes first. `second` has the numbers of the last second, " +
        "`alert` an alert, `dropped` and `skipped` say that attempts are missing here, `valkey` says that " +
        "Valkey is away or back, `bye` why the service ends the stream. With `executions=true`, `execution` " +
        "is a `LiveExecution`: which execution of a workflow has changed, and its state. With `stats=true`, " +
        "`stats` is a `Stats` and `series` the newest steps of a `Series`.",
      tags: ["logs"],
      request: { query: streamQuery, headers: headerSchema },
      responses: {
        200: {
          description:
            "the stream, which stays open; the schemas are those of the data of an `attempt` and an `execution`",
          content: {
            "text/event-stream": { schema: z.union([liveAttemptSchema, liveExecutionSchema]) },
          },
        },
        ...problems(401, 404, 422, 500, 503),
      },
    }),
    async (c) => {
      const { for_s: forS, webhook_id: webhookId, ...query } = c.req.valid("query");
      const isOfFigures = query.stats === "true";
      const isOfExecutions = query.executions === "true";
      if ((isOfFigures || isOfExecutions) && c.var.principal.kind !== "api") {
        const what = isOfFigures ? "the figures of the service" : "workflows";
        return problem(c, "not-found", `${what} need the API token`);
      }
      const owners = ownersAsked(c.var.principal, query);
      if (owners === "hidden") return noSuchOwner(c);
      const [owner = null] = owners ?? [];
      let source: LiveSource = owner ?? "all";
      if (isOfFigures) source = "figures";
      if (isOfExecutions) source = "executions";
      if (webhookId !== undefined) {
        const webhook = await findWebhook(c, stores.webhooks, webhookId);
        if (!webhook || (owner !== null && ownerOf(webhook) !== owner)) return noSuchWebhook(c);
        source = ownerOf(webhook);
      }
      // Hono answers HEAD with the route of GET, and nobody would read the body.
      if (c.req.method === "HEAD") return c.body(null, 200, HEADERS);
      const { outcome, event, workflow_id: workflowId } = query;
      const filter: LiveFilter = { webhookId, outcome, event, workflowId };
      const authorization = c.req.header("authorization");
      const viewed = await live.open({
        source,
        filter,
        after: c.req.valid("header")["last-event-id"],
        forMs: forS * 1_000,
        isAllowed: async () => typeof (await identify(authorization)) === "object",
      });
      if (viewed.kind === "stopping") return problem(c, "stopping", "try again");
      if (viewed.kind === "full") return tooManyViewers(c, viewed.whose);
      const { viewer } = viewed;
      // Also where the connection ends before anything of the body was read.
      c.req.raw.signal.addEventListener("abort", () => viewer.finish(), { once: true });
      if (c.req.raw.signal.aborted) viewer.finish();
      c.env?.timeout?.(c.req.raw, 0);
      return c.body(viewer.body, 200, HEADERS);
    },
  );
}

function tooManyViewers(c: Context<ApiEnv>, whose: "owner" | "all") {
  const detail =
    whose === "owner"
      ? "this owner has as many open streams as one owner may have; close one"
      : "this process has as many open streams as it may have";
  const headers = { "Retry-After": String(RETRY_AFTER_S) };
  return problem(c, "too-many-viewers", detail, { headers });
}
