// What each kind of node does, run as an execution on a real Valkey.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { workflowScope } from "../../../src/expressions/workflow-scope.ts";
import { compileNodes } from "../../../src/inbound/compile.ts";
import { newExecutionId } from "../../../src/inbound/run/accept.ts";
import { runEvent } from "../../../src/inbound/run/nodes/event.ts";
import { QueueStore } from "../../../src/valkey/queue/queue-store.ts";
import { nodeSchema } from "../../../src/wire/workflow/node.ts";
import { outputOf } from "../../../src/inbound/receive/answer.ts";
import { startReceiver, type Receiver, type Respond } from "../../support/receiver.ts";
import { outputsIn, RunScene } from "./run-scene.ts";

let scene: RunScene;
const receivers: Receiver[] = [];

beforeAll(async () => {
  scene = await RunScene.open();
  await scene.start();
});

afterAll(async () => {
  await scene.close();
  for (const one of receivers) await one.stop();
});

function receiver(respond?: Respond): Receiver {
  const one = startReceiver(respond);
  receivers.push(one);
  return one;
}

describe("set and if", () => {
  test("set gives its value with the data of the request in it, numbers to the digit", async () => {
    const id = await scene.workflow([
      { id: "a", type: "set", value: { id: "{{trigger.data.id}}", n: "{{trigger.data.n}}" } },
      { id: "b", type: "set", value: "{{nodes.a.output.id}}/{{trigger.data._query.source}}" },
    ]);
    const body = '{"id":12345678901234567890,"n":1.10}';
    const { waited } = await scene.run(id, body, { query: '{"source":"crm"}' });
    expect(outputsIn(waited)).toEqual({
      a: '{"id":12345678901234567890,"n":1.10}',
      b: '"12345678901234567890/crm"',
    });
  });

  test("what comes after an if that does not pass is skipped, and what comes after that too", async () => {
    const id = await scene.workflow([
      { id: "check", type: "if", condition: "trigger.data.amount > 10" },
      { id: "big", type: "set", value: "big" },
      { id: "after", type: "set", value: "after" },
      { id: "other", type: "set", after: [], value: "other" },
    ]);
    const passed = (await scene.run(id, '{"amount":11}')).waited;
    expect(outputsIn(passed)).toEqual({
      check: '{"passed":true}',
      big: '"big"',
      after: '"after"',
      other: '"other"',
    });
    const { id: executionId, waited } = await scene.run(id, '{"amount":10}');
    expect(waited).toMatchObject({
      kind: "finished",
      nodes: [
        { id: "check", output: '{"passed":false}', turn: 0 },
        { id: "big", output: "null", turn: null },
        { id: "after", output: "null", turn: null },
        { id: "other", output: '"other"', turn: 3 },
      ],
    });
    const states = (await scene.read(executionId)).nodes.map(({ state }) => state);
    expect(states).toEqual(["finished", "skipped", "skipped", "finished"]);
  });

  test("lastNode answers with the node that ran last, wherever it is written; allNodes in the written order", async () => {
    const id = await scene.workflow([
      { id: "sum", type: "set", after: ["x", "y"], value: "{{nodes.x.output}}{{nodes.y.output}}" },
      { id: "x", type: "set", after: [], value: "x" },
      { id: "y", type: "set", after: [], value: "y" },
    ]);
    const { id: executionId, waited } = await scene.run(id);
    if (waited.kind !== "finished") throw new Error(waited.kind);
    expect(outputOf({ mode: "lastNode" }, waited.nodes)).toBe('"xy"');
    expect(Object.keys(outputsIn(waited))).toEqual(["sum", "x", "y"]);
    // Another process reads it from Valkey.
    const other = await scene.start({ isRunning: false });
    const read = await scene.ended(executionId, 20_000, other);
    expect(read.kind === "finished" && outputOf({ mode: "lastNode" }, read.nodes)).toBe('"xy"');
  });

  test("an unknown path fails the execution and names node and path", async () => {
    const id = await scene.workflow([{ id: "a", type: "set", value: "{{trigger.data.nope}}" }]);
    const { id: executionId, waited } = await scene.run(id);
    expect(waited).toMatchObject({
      kind: "failed",
      error: { node_id: "a", code: "unknown-path", message: expect.stringContaining("nope") },
    });
    expect(await scene.read(executionId)).toMatchObject({
      state: "failed",
      error: { node_id: "a" },
      nodes: [{ state: "failed", error: { code: "unknown-path" } }],
    });
  });

  test("an if that fails, and whose error the workflow goes on after, lets nothing behind it run", async () => {
    const id = await scene.workflow([
      { id: "a", type: "if", condition: "trigger.data.amount > 1000", on_error: "continue" },
      { id: "b", type: "set", value: 1, after: ["a"] },
    ]);
    const { waited } = await scene.run(id);
    // A node that is skipped has no output.
    expect(outputsIn(waited)).toEqual({ a: "null", b: "null" });
  });

  test("with on_error continue the next node reads the error", async () => {
    const id = await scene.workflow([
      { id: "a", type: "set", value: "{{trigger.data.nope}}", on_error: "continue" },
      { id: "b", type: "set", value: "{{nodes.a.error.code}}" },
    ]);
    expect(outputsIn((await scene.run(id)).waited)).toEqual({ a: "null", b: '"unknown-path"' });
  });

  test("a text of the request that looks like a template stays that text", async () => {
    const id = await scene.workflow([
      { id: "a", type: "set", value: "{{trigger.data.x}}" },
      { id: "b", type: "set", value: "{{nodes.a.output}}" },
    ]);
    const { waited } = await scene.run(id, '{"x":"{{trigger.headers}}"}');
    expect(outputsIn(waited).b).toBe('"{{trigger.headers}}"');
  });
});

describe("http", () => {
  test("sends method, headers and body, and gives status, headers and the body's own text", async () => {
    const api = receiver(() =>
      Response.json("", {
        status: 201,
        headers: { "x-a": "1", "set-cookie": "session=secret" },
      }),
    );
    const text = '{"big":12345678901234567890, "n":1.10}';
    const exact = receiver(
      () => new Response(text, { headers: { "content-type": "application/hal+json" } }),
    );
    const id = await scene.workflow([
      {
        id: "put",
        type: "http",
        method: "PUT",
        url: `${api.url}/items/{{trigger.data.id}}?q={{trigger.data.q}}`,
        headers: { "X-From": "{{trigger.data.q}}" },
        body: { id: "{{trigger.data.id}}" },
      },
      { id: "get", type: "http", url: exact.url },
      { id: "use", type: "set", value: "{{nodes.get.output.body.big}}" },
    ]);
    const body = '{"id":12345678901234567890,"q":"a/../b&c"}';
    const { id: executionId, waited } = await scene.run(id, body);
    const outputs = outputsIn(waited);
    const [put] = api.requests;
    expect(put).toMatchObject({
      method: "PUT",
      path: "/items/12345678901234567890?q=a%2F..%2Fb%26c",
      text: '{"id":12345678901234567890}',
    });
    expect(put?.headers.get("x-from")).toBe("a/../b&c");
    expect(put?.headers.get("content-type")).toBe("application/json");
    expect(put?.headers.get("accept-encoding")).toBe("identity");
    expect(put?.headers.get("idempotency-key")).toBe(`${executionId}.put`);
    expect(JSON.parse(outputs.put ?? "")).toMatchObject({ status: 201, headers: { "x-a": "1" } });
    expect(outputs.put).not.toContain("session");
    expect(exact.requests[0]?.headers.get("content-length")).toBeNull();
    expect(outputs.get).toContain(`"body":${text}`);
    expect(outputs.use).toBe("12345678901234567890");
  });

  test("a text is sent as text, and what is no JSON is given as text or base64", async () => {
    const kinds: Record<string, Response> = {
      "/text": new Response("{not json", { headers: { "content-type": "application/json" } }),
      "/bytes": new Response(new Uint8Array([0xff, 0xfe])),
      "/none": new Response(null, { status: 204 }),
    };
    const api = receiver(({ path }) => kinds[path] ?? new Response("ok"));
    const id = await scene.workflow([
      {
        id: "text",
        type: "http",
        method: "POST",
        url: `${api.url}/text`,
        body: "a {{trigger.data}}",
      },
      { id: "bytes", type: "http", url: `${api.url}/bytes` },
      { id: "none", type: "http", method: "DELETE", url: `${api.url}/none` },
      { id: "head", type: "http", method: "HEAD", url: `${api.url}/head` },
    ]);
    const outputs = outputsIn((await scene.run(id, "[1, 2]")).waited);
    expect(api.requests[0]?.text).toBe("a [1, 2]");
    expect(api.requests[0]?.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    const bodies = ["text", "bytes", "none", "head"].map((node) => {
      return (JSON.parse(outputs[node] ?? "") as { body: unknown }).body;
    });
    expect(bodies).toEqual(["{not json", { base64: "//4=" }, null, null]);
  });

  test("a status of 400 and above fails the node, unless fail_on_status is false", async () => {
    const api = receiver(() => new Response("gone", { status: 410 }));
    const strict = await scene.workflow([{ id: "a", type: "http", url: api.url }]);
    expect((await scene.run(strict)).waited).toMatchObject({
      kind: "failed",
      error: { node_id: "a", code: "http-410" },
    });
    const lenient = await scene.workflow([
      { id: "a", type: "http", url: api.url, fail_on_status: false },
    ]);
    expect(outputsIn((await scene.run(lenient)).waited).a).toContain('"status":410');
  });

  test("a receiver that never answers fails the node at its time-out, and the slot is free", async () => {
    const api = receiver(() => new Promise(() => {}));
    const id = await scene.workflow([{ id: "a", type: "http", url: api.url, timeout_ms: 100 }], {
      concurrency: 1,
    });
    for (let nth = 0; nth < 2; nth += 1) {
      expect((await scene.run(id)).waited).toMatchObject({
        kind: "failed",
        error: { code: "timeout" },
      });
    }
    expect(api.requests).toHaveLength(2);
  });

  test("attempts are made again after the delay, and counted", async () => {
    const api = receiver((_, index) => new Response("x", { status: index < 2 ? 503 : 200 }));
    const id = await scene.workflow([
      { id: "a", type: "http", url: api.url, retry: { attempts: 3, delay: "100ms" } },
    ]);
    const { id: executionId } = await scene.run(id);
    expect(api.requests).toHaveLength(3);
    expect(await scene.read(executionId)).toMatchObject({
      state: "finished",
      nodes: [{ state: "finished", attempts: 3 }],
    });
  });

  test("a body over the maximum fails the node, chunked or not", async () => {
    const large = "x".repeat(262_145);
    const pieces = async function* () {
      yield large.slice(0, 100_000);
      yield large;
    };
    for (const respond of [() => new Response(large), () => new Response(pieces())]) {
      const id = await scene.workflow([{ id: "a", type: "http", url: receiver(respond).url }]);
      expect((await scene.run(id)).waited).toMatchObject({ error: { code: "response-too-large" } });
    }
    const fits = receiver(() => new Response(pieces2()));
    const id = await scene.workflow([{ id: "a", type: "http", url: fits.url }]);
    const output = outputsIn((await scene.run(id)).waited).a ?? "";
    expect((JSON.parse(output) as { body: string }).body).toBe("y".repeat(200_000));
  });

  test("an internal address is refused, and the error names no address", async () => {
    const id = await scene.workflow([{ id: "a", type: "http", url: "https://10.1.2.3/x" }]);
    const { waited } = await scene.run(id);
    expect(waited).toMatchObject({ error: { code: "blocked-address" } });
    expect(JSON.stringify(waited)).not.toContain("10.1.2.3");
  });
});

async function* pieces2() {
  yield "y".repeat(100_000);
  yield "y".repeat(100_000);
}

describe("event", () => {
  test("pushes one event with the data's own text, and gives its id", async () => {
    const id = await scene.workflow([
      {
        id: "tell",
        type: "event",
        user_id: "u_{{trigger.data.user}}",
        event: "order.created",
        data: { order: "{{trigger.data}}" },
      },
    ]);
    const { id: executionId, waited } = await scene.run(id, '{"user":7,"n":1.10}');
    const eventId = `evt_${executionId}_tell`;
    expect(outputsIn(waited).tell).toBe(`{"id":"${eventId}"}`);
    const [element = ""] = await scene.redis.lrange(`${scene.prefix}:events`, 0, -1);
    expect(element).toContain('"data":{"order":{"user":7,"n":1.10}}');
    expect(JSON.parse(element)).toMatchObject({
      id: eventId,
      user_id: "u_7",
      event: "order.created",
    });
  });

  // A9.
  test("a node that runs again after its process ended has pushed its event once", async () => {
    const compiled = compileNodes([
      nodeSchema.parse({ id: "tell", type: "event", user_id: "u_1", event: "a.b", data: {} }),
    ]);
    const node = compiled.ok ? compiled.nodes[0] : undefined;
    if (node?.type !== "event") throw new Error("it was not compiled");
    const executionId = newExecutionId();
    const run = () =>
      runEvent(
        node,
        workflowScope({ body: "{}", query: null, headers: "{}", executionId, nodes: new Map() }),
        { executionId, maxOutputBytes: 1_000 },
        {
          intake: new QueueStore(scene.first.link, `${scene.prefix}:events`),
          limits: { maxEventBytes: 10_000, eventTypes: "open" },
          link: scene.first.link,
          now: Date.now,
        },
      );
    const before = await scene.redis.llen(`${scene.prefix}:events`);
    expect(await run()).toEqual(await run());
    expect(await scene.redis.llen(`${scene.prefix}:events`)).toBe(before + 1);
  });

  test("an event that is not valid fails the node and is not pushed", async () => {
    const before = await scene.redis.llen(`${scene.prefix}:events`);
    const id = await scene.workflow([
      { id: "tell", type: "event", user_id: "u 1", event: "order.created", data: {} },
    ]);
    expect((await scene.run(id)).waited).toMatchObject({ error: { code: "invalid-event" } });
    expect(await scene.redis.llen(`${scene.prefix}:events`)).toBe(before);
  });
});
