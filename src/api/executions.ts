// /v1/executions: lists, shows, retries and cancels executions of workflows. Workflows belong to the operator:
// every route needs the API token.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import type { ListPosition } from "../valkey/inbound/execution-store.ts";
import { parseExactJson } from "../wire/exact-json.ts";
import {
  EXECUTION_ID,
  EXECUTION_STATES,
  executionSchema,
  executionSummarySchema,
  type Execution,
} from "../wire/workflow/execution.ts";
import { WORKFLOW_ID } from "../wire/workflow/workflow.ts";
import { apiOnly } from "./auth/authenticate.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";
import { nextCursorSchema, pageQuery, positionIn } from "./http/page.ts";
import { problem } from "./http/problem.ts";

const tags = ["executions"];

/** The position of an execution in a list: `<ms> <id>`. */
const POSITION = /^(\d{1,15}) (exec-[a-z2-7]{26})$/;

const executionParam = z.object({
  execution_id: z.string().meta({
    pattern: EXECUTION_ID.source,
    example: "exec-aaaaaaaaaaaaaaaaaaaaaaaaaa",
  }),
});

export function addExecutions(api: Api, { executionControl }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/executions",
      summary: "List executions of workflows, newest first",
      description:
        "`workflow_id` and `state` narrow the list. If few executions match, a page may have fewer than `limit`, " +
        "even none, and still a `next_cursor`.",
      tags,
      middleware: [apiOnly],
      request: {
        query: z.strictObject({
          workflow_id: z
            .string()
            .regex(WORKFLOW_ID, { error: "must be the id of a workflow" })
            .optional()
            .describe("only those of this workflow"),
          state: z
            .enum(EXECUTION_STATES, {
              error: `must be one of ${EXECUTION_STATES.join(", ")}`,
            })
            .optional()
            .describe("only those in this state"),
          ...pageQuery({ defaultLimit: 50, position: POSITION }),
        }),
      },
      responses: {
        200: json(
          z.object({
            executions: z.array(executionSummarySchema),
            next_cursor: nextCursorSchema,
          }),
          "one page",
        ),
        ...problems(401, 404, 422, 500, 503),
      },
    }),
    async (c) => {
      const { workflow_id: workflowId = null, state = null, cursor, limit } = c.req.valid("query");
      const after = cursor === undefined ? null : readPosition(cursor);
      const page = await executionControl.list({ workflowId, state, after, limit });
      const next = page.next && cursorAt(page.next);
      return c.json({ executions: page.executions, next_cursor: next }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/executions/{execution_id}",
      summary: "Get an execution with its nodes",
      description:
        "Numbers are as they were written. An execution is kept for `FLUXHOOK_EXECUTION_TTL` after it has ended.",
      tags,
      middleware: [apiOnly],
      request: { params: executionParam },
      responses: {
        200: json(executionSchema, "the execution"),
        ...problems(401, 404, 422, 500, 503),
      },
    }),
    async (c) => {
      const text = await executionControl.json(c.req.valid("param").execution_id);
      if (text === null) return problem(c, "not-found", NO_SUCH);
      return c.json(parseExactJson(text) as Execution, 200);
    },
  );

  addRetryAndCancel(api, executionControl);
}

const NO_SUCH = "there is no execution with this id, or it is no longer kept";

function addRetryAndCancel(api: Api, control: ApiDeps["executionControl"]): void {
  const responses = {
    200: json(z.object({ id: z.string(), state: z.enum(EXECUTION_STATES) }), "its new state"),
    ...problems(401, 404, 409, 422, 500, 503),
  };
  const request = { params: executionParam };

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/executions/{execution_id}/retry",
      summary: "Run a failed or cancelled execution again, from the node that failed",
      description:
        "The id stays the same, and so does the revision of the workflow. Nodes that have finished do not run again.",
      tags,
      middleware: [apiOnly],
      request,
      responses,
    }),
    async (c) => {
      const { execution_id: id } = c.req.valid("param");
      const reply = await control.retry(id);
      if (reply === "retried") return c.json({ id, state: "queued" as const }, 200);
      if (reply === "gone") return problem(c, "not-found", NO_SUCH);
      if (reply === "revision-gone") {
        const detail = "the revision of the workflow that it ran is no longer stored";
        return problem(c, "wrong-state", detail);
      }
      const detail = `it is ${reply}; only a failed or cancelled execution can be retried`;
      return problem(c, "wrong-state", detail);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/executions/{execution_id}/cancel",
      summary: "Cancel an execution that has not ended",
      description:
        "The node that is running is not interrupted; no further node begins. A task that waits is forgotten: its " +
        "answer is dropped.",
      tags,
      middleware: [apiOnly],
      request,
      responses,
    }),
    async (c) => {
      const { execution_id: id } = c.req.valid("param");
      const reply = await control.cancel(id);
      if (reply === "gone") return problem(c, "not-found", NO_SUCH);
      // Cancelling it twice is no mistake.
      if (reply === "cancelled" || reply === "was-cancelled") {
        return c.json({ id, state: "cancelled" as const }, 200);
      }
      return problem(c, "wrong-state", `it has ended: it is ${reply}`);
    },
  );
}

function cursorAt({ acceptedMs, id }: ListPosition): string {
  return Buffer.from(`${acceptedMs} ${id}`).toString("base64url");
}

function readPosition(cursor: string): ListPosition {
  const [, acceptedMs = "", id = ""] = POSITION.exec(positionIn(cursor)) ?? [];
  return { acceptedMs, id };
}
