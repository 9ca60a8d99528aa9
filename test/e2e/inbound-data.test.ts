// What goes through an execution, and what comes out of it: numbers to the digit, nothing internal in an answer, no
// credential in what is stored and shown.
import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { dumpValkey } from "../support/dump-valkey.ts";
import { eventually } from "../support/eventually.ts";
import { openScene, register } from "../support/serve-scene.ts";
import type { ServiceProcess } from "../support/service.ts";

const SECRET = "canary-secret-of-inbound";

function post(
  service: ServiceProcess,
  id: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${service.url}/api/webhooks/${id}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-webhook-signature": createHmac("sha256", SECRET).update(body).digest("hex"),
      ...headers,
    },
    body,
  });
}

async function create(service: ServiceProcess, id: string, mode: object, nodes: object[]) {
  const trigger = { secret: SECRET, response: mode };
  const { status, body } = await service.api("POST", "/v1/workflows", {
    id,
    name: "W",
    trigger,
    nodes,
  });
  if (status !== 201) throw new Error(`not created: ${Bun.inspect(body)}`);
  await eventually(async () => (await post(service, id, "not json")).status === 400);
}

// T20.
test("large integers and trailing zeros go through set, http and event byte for byte", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const receiver = scene.receiver((request) =>
    request.path === "/node"
      ? new Response(request.text, { headers: { "content-type": "application/json" } })
      : new Response(null, { status: 204 }),
  );
  await register(service, { user_id: "u_1", url: `${receiver.url}/hook` });
  await create(service, "exact", { mode: "lastNode" }, [
    {
      id: "made",
      type: "set",
      value: { id: "{{trigger.data.id}}", price: "{{trigger.data.price}}" },
    },
    {
      id: "sent",
      type: "http",
      method: "POST",
      url: `${receiver.url}/node`,
      body: "{{nodes.made.output}}",
    },
    {
      id: "told",
      type: "event",
      user_id: "u_1",
      event: "order.made",
      data: "{{nodes.sent.output.body}}",
    },
    { id: "answer", type: "set", value: "{{nodes.sent.output.body}}" },
  ]);
  const exact = '{"id":12345678901234567890,"price":1.10}';
  const response = await post(service, "exact", exact);
  expect(await response.text()).toBe(exact);
  const requests = await receiver.waitFor(2);
  expect(requests[0]?.text).toBe(exact);
  expect(requests[1]?.text).toContain(`"data":${exact}`);
});

// T16.
test("no answer has a log, a duration, an attempt, an address or a stack", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  let calls = 0;
  const receiver = scene.receiver(() => {
    calls += 1;
    return calls % 2 === 1 ? new Response("no", { status: 500 }) : Response.json({ ok: true });
  });
  const call = (id: string, url: string) => ({
    id,
    name: "Call",
    type: "http",
    url,
    retry: { attempts: 2, delay: "100ms" },
  });
  const nodes = [
    call("call", receiver.url),
    { id: "last", type: "set", value: "{{nodes.call.output.status}}" },
  ];
  await create(service, "all", { mode: "allNodes" }, nodes);
  await create(service, "last", { mode: "lastNode" }, nodes);
  const all = (await (await post(service, "all", "{}")).json()) as Record<
    string,
    { output: { body: unknown } }
  >;
  expect(Object.keys(all)).toEqual(["call", "last"]);
  expect(Object.values(all).map((one) => Object.keys(one))).toEqual([
    ["name", "output"],
    ["name", "output"],
  ]);
  expect(all.call?.output.body).toEqual({ ok: true });
  expect(await (await post(service, "last", "{}")).text()).toBe("200");
  // Nobody listens there.
  const gone = scene.receiver();
  await create(service, "fails", { mode: "allNodes" }, [call("call", `${gone.url}/secret-path`)]);
  await gone.stop();
  const failed = await post(service, "fails", "{}");
  expect(failed.status).toBe(502);
  const text = await failed.text();
  expect(Object.keys(JSON.parse(text) as object)).toEqual([
    "type",
    "title",
    "status",
    "detail",
    "executionId",
    "node_id",
    "code",
  ]);
  for (const internal of ["127.0.0.1", String(gone.port), "secret-path", ".ts:", "    at "]) {
    expect(text).not.toContain(internal);
  }
});

// T17.
test("credentials of a request and of a receiver are in no execution, list, log or key", async () => {
  await using scene = await openScene();
  const key = Buffer.alloc(32, 3).toString("base64");
  const service = await scene.serve({ FLUXHOOK_SECRET_KEY: key, FLUXHOOK_LOG_LEVEL: "debug" });
  const receiver = scene.receiver(() =>
    Response.json({ ok: true }, { headers: { "set-cookie": "session=canary-of-receiver" } }),
  );
  await create(service, "canary", { mode: "allNodes" }, [
    { id: "call", type: "http", url: receiver.url },
    { id: "headers", type: "set", value: "{{trigger.headers}}" },
    { id: "fails", type: "set", value: "{{trigger.data.nope}}", on_error: "continue" },
  ]);
  const response = await post(service, "canary", "{}", {
    authorization: "Bearer canary-of-authorization",
    cookie: "a=canary-of-cookie",
    "proxy-authorization": "canary-of-proxy",
    "x-source": "crm",
  });
  expect(response.status).toBe(200);
  const executionId = response.headers.get("x-execution-id") ?? "";
  const shown = [
    await response.text(),
    JSON.stringify((await service.api("GET", `/v1/executions/${executionId}`)).body),
    JSON.stringify((await service.api("GET", "/v1/executions")).body),
    JSON.stringify((await service.api("GET", "/v1/workflows")).body),
    JSON.stringify((await service.api("GET", "/v1/workflows/canary")).body),
    JSON.stringify(service.lines),
    ...(await dumpValkey(scene.redis))
      .filter(([name]) => name.includes(scene.prefix))
      .map(([, text]) => text),
  ].join("\n");
  expect(shown).toContain('"x-source":"crm"');
  const signature = createHmac("sha256", SECRET).update("{}").digest("hex");
  const found = [
    SECRET,
    signature,
    "canary-of-authorization",
    "canary-of-cookie",
    "canary-of-proxy",
    "canary-of-receiver",
  ].filter((canary) => shown.includes(canary));
  expect(found).toEqual([]);
});
