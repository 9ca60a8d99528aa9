// POST /v1/workflows/…/test: runs a workflow now, without a signature, and answers the execution.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { parseExactJson } from "../../wire/exact-json.ts";
import { valueAt } from "../../wire/json-path.ts";
import { executionSchema, type Execution } from "../../wire/workflow/execution.ts";
import { apiOnly } from "../auth/authenticate.ts";
import type { ApiDeps } from "../deps.ts";
import { jsonBody, optionalBody } from "../http/body.ts";
import { json, jsonInput, problems, type Api } from "../http/openapi.ts";
import { problem } from "../http/problem.ts";
import { noSuchWorkflow, workflowParam } from "./workflows.ts";

/** As long as the longest time-out of a response, for it is answered like one. */
const SILENT_FOR_S = 250;

const text = z.string();
const testSchema = z
  .strictObject({
    data: z.unknown().optional().describe("in place of the request's body; `{}` if missing"),
    query: z
      .record(z.string(), z.union([text, z.array(text)]))
      .default({})
      .describe("in place of the query"),
    headers: z
      .record(z.string(), text)
      .default({})
      .describe(
        "in place of the headers; credentials and signatures are left out, as of a request, and what may be " +
          "another credential is masked",
      ),
  })
  .meta({ id: "WorkflowTest" });

export function addWorkflowTest(api: Api, { stores, executions, config }: ApiDeps): void {
  const body = jsonBody(config.maxWebhookBytes);

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/workflows/{id}/test",
      summary: "Run a workflow now, without a signature, and answer the execution",
      description:
        "It runs whether the workflow is enabled or not, with all its effects, and waits until it has ended or " +
        "the workflow's own time-out is over; then the execution is answered as it is.",
      tags: ["workflows"],
      middleware: [apiOnly, optionalBody, body],
      request: {
        params: workflowParam,
        body: { ...jsonInput(testSchema), required: false },
      },
      responses: {
        200: json(executionSchema, "the execution"),
        ...problems(400, 401, 404, 409, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const { query, headers } = c.req.valid("json");
      const record = await stores.workflows.get(c.req.valid("param").id);
      if (record === null) return noSuchWorkflow(c);
      c.env?.timeout?.(c.req.raw, SILENT_FOR_S);
      // Cut out of the text, as the body of a request would be.
      const data = valueAt(c.var.bodyText, ["data"]) ?? "{}";
      const running = await executions();
      // It uses the expressions' room, which is loaded late.
      const { testHeadersJson } = await import("../../inbound/test-headers.ts");
      const { executionId } = await running.accept({
        workflowId: record.id,
        revision: record.revision,
        body: new TextEncoder().encode(data),
        query: Object.keys(query).length === 0 ? null : JSON.stringify(query),
        headers: testHeadersJson(headers, record.trigger),
        mode: "allNodes",
        isTest: true,
        idempotency: null,
      });
      const timeoutMs = record.trigger.response.timeout_ms;
      await running.waitFor(executionId, { timeoutMs, signal: c.req.raw.signal });
      const execution = await running.executionJson(executionId);
      if (execution === null) return problem(c, "not-found", "the execution was removed meanwhile");
      return c.json(parseExactJson(execution) as Execution, 200);
    },
  );
}
