import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Executions, ExecutionRequest } from "../../../src/inbound/executions.ts";
import { apiScene, closeScenes, type ApiScene } from "../api-scene.ts";

let scene: ApiScene;
const accepted: ExecutionRequest[] = [];
const executions: Executions = {
  async accept(request) {
    accepted.push(request);
    return { kind: "accepted", executionId: "exec-1", first: true };
  },
  waitFor: async () => ({ kind: "finished", nodes: [] }),
  executionJson: async () => '{"id":"exec-1","nodes":[{"output":12345678901234567890}]}',
  release() {},
};
beforeAll(async () => {
  scene = await apiScene({ executions: async () => executions });
});
afterAll(closeScenes);

const NODES = [{ id: "a", type: "set", value: { got: "{{trigger.data.id}}" } }];

async function create(id: string, others: object = {}) {
  const answer = await scene.call("POST", "/v1/workflows", {
    id,
    name: "Orders",
    nodes: NODES,
    ...others,
  });
  expect(answer.status).toBe(201);
  return answer;
}

describe("creating a workflow", () => {
  test("answers it with its URL, its defaults and its secret, and a list does not have the secret", async () => {
    const answer = await create("orders", { trigger: { secret: "your-secret" } });
    expect(answer.headers.get("location")).toBe("/v1/workflows/orders");
    expect(answer.body).toMatchObject({
      id: "orders",
      name: "Orders",
      enabled: true,
      url: "http://localhost/api/webhooks/orders",
      secret: "your-secret",
      trigger: {
        verification: { scheme: "fluxhook" },
        accepts: ["json"],
        replay: false,
        idempotency: null,
        concurrency: 64,
        rate_limit: null,
        response: { mode: "minimal", status: 200, headers: {}, timeout_ms: 30_000 },
      },
      nodes: NODES,
    });
    for (const path of ["/v1/workflows", "/v1/workflows/orders"]) {
      expect((await scene.call("GET", path)).text).not.toContain("your-secret");
    }
    const revealed = await scene.call("GET", "/v1/workflows/orders/secret");
    expect(revealed.body).toEqual({ secret: "your-secret", verify_token: null });
  });

  test("makes an id and a secret where none is given", async () => {
    const { body } = await scene.call("POST", "/v1/workflows", { name: "W", nodes: NODES });
    expect(body.id).toMatch(/^wf_[A-Za-z0-9]{24}$/);
    expect(body.secret).toMatch(/^whsec_/);
  });

  test("keeps numbers as they were written", async () => {
    const text = `{"id":"exact","name":"E","nodes":[{"id":"a","type":"set","value":[1.10,12345678901234567890]}]}`;
    expect((await scene.call("POST", "/v1/workflows", text)).status).toBe(201);
    const read = await scene.call("GET", "/v1/workflows/exact");
    expect(read.text).toContain('"value":[1.10,12345678901234567890]');
    const patched = await scene.call("PATCH", "/v1/workflows/exact", { name: "F" });
    expect(patched.text).toContain('"value":[1.10,12345678901234567890]');
  });

  test("refuses an id that is taken", async () => {
    await create("taken");
    const { status, body } = await scene.call("POST", "/v1/workflows", {
      id: "taken",
      name: "W",
      nodes: NODES,
    });
    expect([status, body.type]).toEqual([409, "urn:fluxhook:problem:duplicate-workflow"]);
  });

  // A14.
  test.each<[string, object, string]>([
    ["no nodes", { nodes: [] }, "nodes"],
    ["a cycle", { nodes: [{ ...NODES[0], after: ["a"] }] }, "nodes.0.after"],
    ["an unknown after", { nodes: [{ ...NODES[0], after: ["b"] }] }, "nodes.0.after.0"],
    [
      "a template of a later node",
      {
        nodes: [
          { id: "a", type: "set", value: "{{nodes.b.output}}" },
          { id: "b", type: "set", value: 1 },
        ],
      },
      "nodes.0.value",
    ],
    [
      "a response of a node that does not exist",
      { trigger: { response: { mode: "specificNode", node_id: "zz" } } },
      "trigger.response.node_id",
    ],
    [
      "specificNode without a node",
      { trigger: { response: { mode: "specificNode" } } },
      "trigger.response.node_id",
    ],
    [
      "a header that concerns the origin",
      { trigger: { response: { headers: { "Set-Cookie": "a=b" } } } },
      "trigger.response.headers.Set-Cookie",
    ],
    [
      "an idempotency of a node",
      { trigger: { idempotency: "nodes.a.output" } },
      "trigger.idempotency",
    ],
    ["a short secret", { trigger: { secret: "short" } }, "trigger.secret"],
    ["a field that is unknown", { trigger: { modes: 1 } }, "trigger.modes"],
    ["a node of another type", { nodes: [{ id: "a", type: "code" }] }, "nodes.0.type"],
    ["an id with a blank", { id: "a b" }, "id"],
    [
      "replay with another scheme",
      { trigger: { replay: true, verification: { scheme: "github" } } },
      "trigger.replay",
    ],
  ])("refuses %s with its field", async (_name, others, field) => {
    const { status, body } = await scene.call("POST", "/v1/workflows", {
      name: "W",
      nodes: NODES,
      ...others,
    });
    expect(status).toBe(422);
    expect((body.errors as { field: string }[]).map((error) => error.field)).toEqual([field]);
  });

  test("refuses a document that is too large", async () => {
    const value = "x".repeat(300_000);
    const nodes = [{ id: "a", type: "set", value }];
    expect((await scene.call("POST", "/v1/workflows", { name: "W", nodes })).status).toBe(413);
  });
});

describe("changing a workflow", () => {
  test("a patch changes what it names, and raises the revision", async () => {
    const { body } = await create("patched", { trigger: { concurrency: 3 } });
    const { body: changed } = await scene.call("PATCH", "/v1/workflows/patched", {
      trigger: { response: { mode: "lastNode", status: 201 } },
    });
    expect(changed.revision).toBe((body.revision as number) + 1);
    expect(changed.trigger).toMatchObject({
      concurrency: 3,
      response: { mode: "lastNode", status: 201, timeout_ms: 30_000 },
    });
    const { body: same } = await scene.call("PATCH", "/v1/workflows/patched", { name: "Orders" });
    expect(same.revision).toBe(changed.revision);
  });

  test("a patch whose result is invalid changes nothing", async () => {
    await create("kept");
    const { status, body } = await scene.call("PATCH", "/v1/workflows/kept", {
      trigger: { response: { mode: "specificNode", node_id: "b" } },
    });
    expect([status, (body.errors as { field: string }[])[0]?.field]).toEqual([
      422,
      "trigger.response.node_id",
    ]);
    expect((await scene.call("GET", "/v1/workflows/kept")).body.revision).toBe(
      (await scene.call("GET", "/v1/workflows/kept")).body.revision,
    );
  });

  test("PUT replaces the document, and If-Match holds against a change in between", async () => {
    const created = await create("put");
    const etag = created.headers.get("etag") ?? "";
    const document = { name: "New", nodes: NODES };
    const put = (ifMatch: string) =>
      scene.call("PUT", "/v1/workflows/put", document, { "if-match": ifMatch });
    expect((await put(etag)).status).toBe(200);
    const late = await put(etag);
    expect([late.status, late.body.type]).toEqual([
      412,
      "urn:fluxhook:problem:precondition-failed",
    ]);
    expect((await put("*")).status).toBe(200);
    expect((await scene.call("PUT", "/v1/workflows/nobody", document)).status).toBe(404);
  });

  test("a verify token is never shown, and stays where a document leaves it out", async () => {
    const verification = { scheme: "meta", verify_token: "verify-me-now" };
    const created = await create("meta", { trigger: { verification } });
    expect(created.text).not.toContain("verify-me-now");
    await scene.call("PUT", "/v1/workflows/meta", {
      name: "M",
      trigger: { verification: { scheme: "meta" } },
      nodes: NODES,
    });
    expect((await scene.call("GET", "/v1/workflows/meta/secret")).body.verify_token).toBe(
      "verify-me-now",
    );
    await scene.call("PATCH", "/v1/workflows/meta", {
      trigger: { verification: { scheme: "github" } },
    });
    expect((await scene.call("GET", "/v1/workflows/meta/secret")).body.verify_token).toBeNull();
  });

  test("it can be disabled and enabled", async () => {
    await create("switch");
    const off = await scene.call("POST", "/v1/workflows/switch/disable");
    expect(off.body.enabled).toBe(false);
    const on = await scene.call("POST", "/v1/workflows/switch/enable");
    expect([on.body.enabled, on.body.revision]).toEqual([true, off.body.revision]);
  });

  test("a document without enabled leaves it as it is, by PUT and by PATCH", async () => {
    await create("left-out");
    await scene.call("POST", "/v1/workflows/left-out/disable");
    const document = { name: "New", nodes: NODES };
    const put = await scene.call("PUT", "/v1/workflows/left-out", document);
    expect([put.status, put.body.name, put.body.enabled]).toEqual([200, "New", false]);
    const patched = await scene.call("PATCH", "/v1/workflows/left-out", { name: "Newer" });
    expect([patched.body.name, patched.body.enabled]).toEqual(["Newer", false]);
    const on = await scene.call("PUT", "/v1/workflows/left-out", { ...document, enabled: true });
    expect(on.body.enabled).toBe(true);
    // It is there after that, and a new workflow is enabled.
    expect((await scene.call("GET", "/v1/workflows/left-out")).body.enabled).toBe(true);
  });

  test("its ETag names whether it is enabled, so that If-Match holds against a disabling in between", async () => {
    const created = await create("disabled-meanwhile");
    const path = "/v1/workflows/disabled-meanwhile";
    const read = created.headers.get("etag") ?? "";
    const off = await scene.call("POST", `${path}/disable`);
    expect(off.headers.get("etag")).not.toBe(read);
    const document = { name: "New", enabled: true, nodes: NODES };
    const late = await scene.call("PUT", path, document, { "if-match": read });
    expect(late.status).toBe(412);
    expect((await scene.call("GET", path)).body).toMatchObject({ name: "Orders", enabled: false });
    // A caller that leaves `enabled` out may name both.
    const both = `${read}, ${off.headers.get("etag")}`;
    const { enabled: _enabled, ...without } = document;
    const saved = await scene.call("PUT", path, without, { "if-match": both });
    expect([saved.status, saved.body.enabled]).toEqual([200, false]);
  });

  test("its secret can be rotated, with a grace for the one before it", async () => {
    await create("rotated");
    const { body } = await scene.call("POST", "/v1/workflows/rotated/rotate-secret");
    expect(body.secret).toMatch(/^whsec_/);
    expect(body.previous_expires_at).toBeString();
    const own = await scene.call("POST", "/v1/workflows/rotated/rotate-secret", {
      secret: "my-own-secret",
      grace_hours: 0,
    });
    expect(own.body).toEqual({ secret: "my-own-secret", previous_expires_at: null });
  });

  test("it can be deleted, and its id can be used again with a higher revision", async () => {
    const first = await create("again");
    expect((await scene.call("DELETE", "/v1/workflows/again")).status).toBe(204);
    expect((await scene.call("DELETE", "/v1/workflows/again")).status).toBe(404);
    expect((await scene.call("GET", "/v1/workflows/again")).status).toBe(404);
    const second = await create("again");
    expect(second.body.revision as number).toBeGreaterThan(first.body.revision as number);
  });
});

describe("other routes of workflows", () => {
  test("a list has pages, by id", async () => {
    const other = await apiScene();
    for (const id of ["c", "a", "b"]) {
      await other.call("POST", "/v1/workflows", { id, name: id, nodes: NODES });
    }
    const first = await other.call("GET", "/v1/workflows?limit=2");
    const { workflows, next_cursor } = first.body as {
      workflows: { id: string; nodes: number }[];
      next_cursor: string;
    };
    expect(workflows.map(({ id, nodes }) => [id, nodes])).toEqual([
      ["a", 1],
      ["b", 1],
    ]);
    const second = await other.call("GET", `/v1/workflows?limit=2&cursor=${next_cursor}`);
    expect(second.body).toMatchObject({ workflows: [{ id: "c" }], next_cursor: null });
  });

  test("check finds what is wrong with a document, and saves nothing", async () => {
    const check = async (document: unknown) =>
      (await scene.call("POST", "/v1/workflows/check", document)).body.errors;
    expect(await check({ name: "W", nodes: NODES })).toEqual([]);
    expect(
      await check({ name: "W", nodes: [{ id: "a", type: "set", value: "{{nope}}" }] }),
    ).toEqual([expect.objectContaining({ field: "nodes.0.value", code: "unknown-root" })]);
    expect(await check([])).toEqual([expect.objectContaining({ field: "" })]);
  });

  test("a test run gives the data to the workflow as they were written, without a signature", async () => {
    await create("tested", { enabled: false });
    const { status, text } = await scene.call(
      "POST",
      "/v1/workflows/tested/test",
      '{"data": {"id":12345678901234567890}, "query":{"a":["1","2"]}, "headers":{"X-A":"b"}}',
    );
    expect(status).toBe(200);
    expect(text).toBe('{"id":"exec-1","nodes":[{"output":12345678901234567890}]}');
    const last = accepted.at(-1);
    expect(Buffer.from(last?.body ?? "").toString()).toBe('{"id":12345678901234567890}');
    expect(last).toMatchObject({
      workflowId: "tested",
      isTest: true,
      mode: "allNodes",
      query: '{"a":["1","2"]}',
      headers: '{"x-a":"b"}',
      idempotency: null,
    });
    await scene.call("POST", "/v1/workflows/tested/test");
    expect(Buffer.from(accepted.at(-1)?.body ?? "").toString()).toBe("{}");
  });

  test("a test run keeps no credentials of the headers that were pasted", async () => {
    await create("pasted", { trigger: { verification: { scheme: "github" } } });
    const headers = {
      Authorization: "Bearer canary-1",
      cookie: "session=canary-2",
      "Proxy-Authorization": "canary-3",
      "X-Hub-Signature-256": "canary-4",
      "X-Api-Key": "canary-5",
      "X-Webhook-Signature": "canary-6",
      "X-Shopify-Hmac-SHA256": "canary-7",
      "X-Auth-Token": "canary-8",
      "Idempotency-Key": "k-1",
      "X-Source": "crm",
    };
    const { status } = await scene.call("POST", "/v1/workflows/pasted/test", { headers });
    expect(status).toBe(200);
    expect(JSON.parse(accepted.at(-1)?.headers ?? "")).toEqual({
      "x-api-key": "***",
      "x-webhook-signature": "***",
      "x-shopify-hmac-sha256": "***",
      "x-auth-token": "***",
      "idempotency-key": "k-1",
      "x-source": "crm",
    });
  });

  test("a scoped token reaches none of them", async () => {
    const { body } = await scene.call("POST", "/v1/tokens", { user_id: "u_1" });
    const headers = { authorization: `Bearer ${String(body.token)}` };
    for (const [method, path] of [
      ["GET", "/v1/workflows"],
      ["POST", "/v1/workflows"],
      ["GET", "/v1/workflows/orders"],
      ["GET", "/v1/workflows/orders/secret"],
      ["POST", "/v1/workflows/orders/test"],
      ["DELETE", "/v1/workflows/orders"],
    ] as const) {
      const json = method === "POST" ? { name: "W", nodes: NODES } : undefined;
      expect((await scene.call(method, path, json, headers)).status).toBe(404);
    }
    expect((await scene.call("GET", "/v1/workflows/orders")).status).toBe(200);
  });
});
