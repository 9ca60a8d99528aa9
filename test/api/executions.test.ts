// What the API answers about executions; how they run is tested in test/inbound/run.
import { afterAll, describe, expect, test } from "bun:test";
import { newExecutionId } from "../../src/inbound/run/accept.ts";
import { workflowInputSchema } from "../../src/wire/workflow/workflow.ts";
import { apiScene, asOwner, closeScenes, faultyFields, type ApiScene } from "./api-scene.ts";

afterAll(closeScenes);

async function sceneWith(...bodies: string[]): Promise<{ api: ApiScene; ids: string[] }> {
  const api = await apiScene();
  const nodes = [{ id: "a", name: "First", type: "set", value: "{{trigger.data}}" }];
  const input = workflowInputSchema.parse({ name: "Orders", nodes });
  const at = "2026-01-01T00:00:00.000Z";
  await api.stores.workflows.create({
    ...input,
    id: "orders",
    enabled: true,
    revision: 1,
    created_at: at,
    updated_at: at,
    secrets: [],
  });
  const ids = bodies.map(() => newExecutionId());
  for (const [nth, body] of bodies.entries()) {
    await api.stores.executions.accept([
      {
        id: ids[nth] ?? "",
        workflowId: "orders",
        revision: 1,
        mode: "minimal",
        isTest: false,
        replica: null,
        query: '{"source":"crm"}',
        headers: '{"x-a":"1"}',
        body: Buffer.from(body),
        idempotency: null,
        ended: null,
      },
    ]);
  }
  return { api, ids };
}

describe("GET /v1/executions", () => {
  test("answers an empty list where there was never a workflow", async () => {
    const api = await apiScene();
    const { status, body } = await api.call("GET", "/v1/executions");
    expect([status, body]).toEqual([200, { executions: [], next_cursor: null }]);
  });

  test("has all executions on its pages, and narrows them", async () => {
    const { api, ids } = await sceneWith("1", "2", "3");
    const found: string[] = [];
    let query = "?limit=2";
    while (query !== "") {
      const { body } = await api.call("GET", `/v1/executions${query}`);
      found.push(...(body.executions as { id: string }[]).map(({ id }) => id));
      const next = body.next_cursor as string | null;
      query = next === null ? "" : `?limit=2&cursor=${next}`;
    }
    expect(found.toSorted()).toEqual(ids.toSorted());
    await api.call("POST", `/v1/executions/${ids[0]}/cancel`);
    const narrow = "?workflow_id=orders&state=cancelled";
    expect((await api.call("GET", `/v1/executions${narrow}`)).body).toMatchObject({
      executions: [{ id: ids[0], workflow_id: "orders", state: "cancelled", error: null }],
      next_cursor: null,
    });
    const { body } = await api.call("GET", "/v1/executions?workflow_id=other");
    expect(body.executions).toEqual([]);
  });

  test.each([
    ["state=done", "state"],
    ["workflow_id=a%20b", "workflow_id"],
    ["limit=0", "limit"],
    ["cursor=x", "cursor"],
  ])("refuses %s and names the field", async (query, field) => {
    const api = await apiScene();
    const answer = await api.call("GET", `/v1/executions?${query}`);
    expect([answer.status, faultyFields(answer)]).toEqual([422, [field]]);
  });
});

describe("GET /v1/executions/{execution_id}", () => {
  test("answers trigger and nodes, numbers to the digit", async () => {
    const { api, ids } = await sceneWith('{"n":12345678901234567890,"x":1.10}');
    const { status, text, body } = await api.call("GET", `/v1/executions/${ids[0]}`);
    expect(status).toBe(200);
    expect(text).toContain('"n":12345678901234567890,"x":1.10');
    expect(body).toMatchObject({
      id: ids[0],
      state: "queued",
      started_at: null,
      trigger: { data: { _query: { source: "crm" } }, headers: { "x-a": "1" } },
      nodes: [{ id: "a", name: "First", type: "set", state: "pending", output: null }],
    });
  });

  test("answers 404 for one that there is not", async () => {
    const api = await apiScene();
    for (const id of [newExecutionId(), "exec-1", "%7Bx%7D"]) {
      for (const [method, rest] of [
        ["GET", ""],
        ["POST", "/retry"],
        ["POST", "/cancel"],
      ] as const) {
        expect((await api.call(method, `/v1/executions/${id}${rest}`)).status).toBe(404);
      }
    }
  });
});

describe("retry and cancel", () => {
  test("a cancelled execution can be retried, one that has not ended cannot", async () => {
    const { api, ids } = await sceneWith("1");
    const call = (verb: string) => api.call("POST", `/v1/executions/${ids[0]}/${verb}`);
    const early = await call("retry");
    expect([early.status, early.body.detail]).toEqual([
      409,
      "it is queued; only a failed or cancelled execution can be retried",
    ]);
    for (let nth = 0; nth < 2; nth += 1) {
      expect((await call("cancel")).body).toEqual({ id: ids[0], state: "cancelled" });
    }
    expect((await call("retry")).body).toEqual({ id: ids[0], state: "queued" });
  });
});

test("a scoped token gets 404 on every route of executions", async () => {
  const api = await apiScene({ identify: asOwner("user:u_1") });
  const id = newExecutionId();
  expect((await api.call("GET", "/v1/executions")).status).toBe(404);
  expect((await api.call("GET", `/v1/executions/${id}`)).status).toBe(404);
  expect((await api.call("POST", `/v1/executions/${id}/cancel`)).status).toBe(404);
});
