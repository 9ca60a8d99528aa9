// /v1/workflows: creates, lists, changes, enables, disables and deletes workflows. Workflows belong to the
// operator: every route needs the API token.
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { shownWorkflow, workflowUrl } from "../../control/workflow-view.ts";
import type { WorkflowUpdateResult } from "../../control/workflows.ts";
import { SCHEMES, RESPONSE_MODES } from "../../wire/workflow/trigger.ts";
import { exactNodes } from "../../wire/workflow/exact-nodes.ts";
import {
  MAX_WORKFLOW_BYTES,
  WORKFLOW_ID,
  workflowCreateSchema,
  workflowIdSchema,
  workflowInputSchema,
  workflowPatchSchema,
  workflowSchema,
  type WorkflowRecord,
} from "../../wire/workflow/workflow.ts";
import { READS } from "../auth/access.ts";
import { noteForAudit } from "../auth/audit.ts";
import { apiOnly } from "../auth/authenticate.ts";
import type { ApiDeps } from "../deps.ts";
import { jsonBody } from "../http/body.ts";
import type { ApiEnv } from "../http/env.ts";
import { ifMatchSchema, namesVersion } from "../http/if-match.ts";
import { json, jsonInput, problems, type Api } from "../http/openapi.ts";
import { nextCursorSchema, pageOf, pageQuery } from "../http/page.ts";
import { fieldErrors, invalid, problem } from "../http/problem.ts";

const tags = ["workflows"];
const body = jsonBody(MAX_WORKFLOW_BYTES);
/** Named, for an id alone may look like a position of another list. */
const POSITION = new RegExp(`^workflow ${WORKFLOW_ID.source.slice(1)}`);

export const workflowParam = z.object({
  id: z.string().meta({ pattern: WORKFLOW_ID.source, example: "orders" }),
});

const createdSchema = workflowSchema
  .extend({ secret: z.string().describe("with which senders sign") })
  .meta({ id: "WorkflowCreated" });

const summarySchema = z
  .object({
    id: workflowIdSchema,
    name: z.string(),
    enabled: z.boolean(),
    revision: z.int(),
    scheme: z.enum(SCHEMES),
    mode: z.enum(RESPONSE_MODES),
    nodes: z.int().describe("how many it has"),
    url: z.string(),
    created_at: z.string().describe("RFC 3339"),
    updated_at: z.string().describe("RFC 3339"),
  })
  .meta({ id: "WorkflowSummary" });

const checkedSchema = z
  .object({
    errors: z.array(z.object({ field: z.string(), code: z.string(), message: z.string() })),
  })
  .meta({ id: "WorkflowChecked" });

export function addWorkflows(api: Api, { stores, config }: ApiDeps): void {
  const { workflows } = stores;
  const show = (c: Context<ApiEnv>, record: WorkflowRecord) =>
    shownWorkflow(record, workflowUrl(originOf(c, config.publicUrl), record.id));

  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/workflows",
      summary: "Create a workflow",
      description:
        "Every expression is compiled: what cannot be run is refused, with the path of its field.",
      tags,
      middleware: [apiOnly, body],
      request: { body: jsonInput(workflowCreateSchema) },
      responses: {
        201: {
          ...json(createdSchema, "created; `secret` is shown here and by GET …/secret"),
          headers: z.object({ Location: z.string(), ETag: z.string() }),
        },
        ...problems(400, 401, 404, 409, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const input = c.req.valid("json");
      const nodes = exactNodes(input.nodes, c.var.bodyText);
      const result = await workflows.create({ ...input, nodes });
      if (result.created) {
        const { record } = result;
        noteForAudit(c, { about: record.id });
        const secret = record.secrets[0]?.secret ?? "";
        const headers = { Location: `/v1/workflows/${record.id}`, ETag: etagOf(record) };
        return c.json({ ...show(c, record), secret }, 201, headers);
      }
      switch (result.why) {
        case "invalid":
          return invalid(c, result.errors);
        case "duplicate":
          return problem(c, "duplicate-workflow", "another workflow has this id");
        case "full":
          return problem(
            c,
            "too-many-workflows",
            "FLUXHOOK_WORKFLOWS_MAX workflows are stored; delete one, or raise it",
          );
      }
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/workflows",
      summary: "List the workflows by their ids",
      tags,
      middleware: [apiOnly],
      request: { query: z.strictObject(pageQuery({ defaultLimit: 100, position: POSITION })) },
      responses: {
        200: json(
          z.object({ workflows: z.array(summarySchema), next_cursor: nextCursorSchema }),
          "one page",
        ),
        ...problems(401, 404, 422, 500, 503),
      },
    }),
    async (c) => {
      const { items, next } = pageOf(await workflows.ids(), positionOf, c.req.valid("query"));
      const records = await workflows.getAll(items);
      const origin = originOf(c, config.publicUrl);
      const shown = records.map(({ id, name, enabled, revision, trigger, ...rest }) => ({
        id,
        name,
        enabled,
        revision,
        scheme: trigger.verification.scheme,
        mode: trigger.response.mode,
        nodes: rest.nodes.length,
        url: workflowUrl(origin, id),
        created_at: rest.created_at,
        updated_at: rest.updated_at,
      }));
      return c.json({ workflows: shown, next_cursor: next }, 200);
    },
  );

  api.openapi(
    createRoute({
      ...READS,
      method: "post",
      path: "/v1/workflows/check",
      summary: "Check the document of a workflow without saving it",
      tags,
      middleware: [apiOnly, body],
      request: { body: jsonInput(z.looseObject({})) },
      responses: {
        200: json(checkedSchema, "what is wrong with it; no errors: it can be saved"),
        ...problems(400, 401, 404, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const parsed = workflowInputSchema.safeParse(c.req.valid("json"));
      if (!parsed.success) return c.json({ errors: fieldErrors(parsed.error) }, 200);
      return c.json({ errors: await workflows.check(parsed.data) }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/workflows/{id}",
      summary: "Get one workflow",
      tags,
      middleware: [apiOnly],
      request: { params: workflowParam },
      responses: {
        200: {
          ...json(workflowSchema, "the workflow, without its secret"),
          headers: z.object({ ETag: z.string() }),
        },
        ...problems(401, 404, 500, 503),
      },
    }),
    async (c) => {
      const record = await workflows.get(c.req.valid("param").id);
      if (record === null) return noSuchWorkflow(c);
      return c.json(show(c, record), 200, { ETag: etagOf(record) });
    },
  );

  api.openapi(
    createRoute({
      method: "put",
      path: "/v1/workflows/{id}",
      summary: "Replace the document of a workflow",
      description:
        "Executions that are under way go on with the revision that they began with. With `If-Match` it is " +
        "replaced only if nobody has changed, enabled or disabled it since. Without `enabled` it stays enabled " +
        "or disabled.",
      tags,
      middleware: [apiOnly, body],
      request: {
        params: workflowParam,
        headers: z.object({ "if-match": ifMatchSchema }),
        body: jsonInput(workflowInputSchema),
      },
      responses: {
        200: {
          ...json(workflowSchema, "the workflow as it is now"),
          headers: z.object({ ETag: z.string() }),
        },
        ...problems(400, 401, 404, 409, 412, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const input = c.req.valid("json");
      const record = await workflows.get(id);
      if (record === null) return noSuchWorkflow(c);
      const ifMatch = c.req.valid("header")["if-match"];
      const isExpected = (current: WorkflowRecord) =>
        ifMatch === undefined || namesVersion(ifMatch, etagOf(current));
      if (!isExpected(record)) return hasChanged(c, record.revision);
      const document = { ...input, nodes: exactNodes(input.nodes, c.var.bodyText) };
      return answerUpdate(c, await workflows.replace(id, document, isExpected));
    },
  );

  api.openapi(
    createRoute({
      method: "patch",
      path: "/v1/workflows/{id}",
      summary: "Change fields of a workflow",
      description:
        "A JSON Merge Patch (RFC 7396): fields that it leaves out do not change, and `nodes` is replaced as a " +
        "whole.",
      tags,
      middleware: [apiOnly, body],
      request: { params: workflowParam, body: jsonInput(workflowPatchSchema) },
      responses: {
        200: {
          ...json(workflowSchema, "the workflow as it is now"),
          headers: z.object({ ETag: z.string() }),
        },
        ...problems(400, 401, 404, 409, 412, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const patch = c.req.valid("json");
      const nodes =
        patch.nodes === undefined ? {} : { nodes: exactNodes(patch.nodes, c.var.bodyText) };
      return answerUpdate(
        c,
        await workflows.patch(c.req.valid("param").id, { ...patch, ...nodes }),
      );
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/v1/workflows/{id}",
      summary: "Delete a workflow",
      description: "Its executions that are under way go on. Senders are answered 401 from now on.",
      tags,
      middleware: [apiOnly],
      request: { params: workflowParam },
      responses: { 204: { description: "deleted" }, ...problems(401, 404, 500, 503) },
    }),
    async (c) => {
      const isDeleted = await workflows.delete(c.req.valid("param").id);
      return isDeleted ? c.body(null, 204) : noSuchWorkflow(c);
    },
  );

  for (const [verb, enabled, summary] of [
    ["enable", true, "Enable a workflow"],
    ["disable", false, "Disable a workflow: signed requests are answered 409"],
  ] as const) {
    api.openapi(
      createRoute({
        method: "post",
        path: `/v1/workflows/{id}/${verb}`,
        summary,
        tags,
        middleware: [apiOnly],
        request: { params: workflowParam },
        responses: {
          200: {
            ...json(workflowSchema, "the workflow as it is now"),
            headers: z.object({ ETag: z.string() }),
          },
          ...problems(401, 404, 409, 412, 422, 500, 503),
        },
      }),
      async (c) => answerUpdate(c, await workflows.setEnabled(c.req.valid("param").id, enabled)),
    );
  }

  function answerUpdate(c: Context<ApiEnv>, result: WorkflowUpdateResult) {
    if (result.updated)
      return c.json(show(c, result.updated), 200, { ETag: etagOf(result.updated) });
    switch (result.why) {
      case "missing":
        return noSuchWorkflow(c);
      case "unreadable":
        return unreadable(c);
      case "invalid":
        return invalid(c, result.errors);
      case "changed":
        return hasChanged(c, result.revision);
    }
  }
}

function hasChanged(c: Context<ApiEnv>, revision: number) {
  return problem(
    c,
    "precondition-failed",
    `it has changed, and its revision is ${revision} now; read it again`,
  );
}

/** A workflow that is enabled or disabled keeps its revision: executions run the same nodes. */
function etagOf({ revision, enabled }: Pick<WorkflowRecord, "revision" | "enabled">): string {
  return enabled ? `"${revision}"` : `"${revision}-disabled"`;
}

function positionOf(id: string): string {
  return `workflow ${id}`;
}

function originOf(c: Context<ApiEnv>, publicUrl: string | undefined): string {
  return publicUrl ?? new URL(c.req.url, "http://localhost").origin;
}

export function noSuchWorkflow(c: Context<ApiEnv>) {
  return problem(c, "not-found", "there is no workflow with this id");
}

export function unreadable(c: Context<ApiEnv>) {
  return problem(
    c,
    "unreadable",
    "the workflow's record was damaged in Valkey, or FLUXHOOK_SECRET_KEY does not hold the key that sealed its secret",
  );
}
