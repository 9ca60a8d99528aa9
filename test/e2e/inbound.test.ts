// Inbound webhooks on the real process: what the page promises to users, to the letter; each mode on one and two
// replicas; what happens when Valkey is away or the service stops.
import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { dumpValkey } from "../support/dump-valkey.ts";
import { inboundKeys } from "../../src/valkey/keys.ts";
import { eventually } from "../support/eventually.ts";
import { openScene, register, type Scene } from "../support/serve-scene.ts";
import { API_TOKEN, startServiceProcess, type ServiceProcess } from "../support/service.ts";
import { freshPrefix, ownValkey } from "../support/valkey.ts";

const NODES = [
  { id: "first", type: "set", name: "HTTP Request", value: { got: "{{trigger.data.n}}" } },
  {
    id: "second",
    type: "set",
    name: "Transform",
    value: { event: "{{trigger.data.event}}", query: "{{trigger.data._query.source}}" },
  },
];

async function create(service: ServiceProcess, workflow: object): Promise<{ secret: string }> {
  const { status, body } = await service.api<{ secret: string }>("POST", "/v1/workflows", {
    name: "W",
    nodes: NODES,
    ...workflow,
  });
  if (status !== 201) throw new Error(`not created: ${status} ${Bun.inspect(body)}`);
  return body;
}

async function bash(script: string, url: string): Promise<string> {
  const shell = Bun.spawn(["bash", "-c", script], {
    env: { PATH: process.env.PATH ?? "", URL: url },
    stderr: "inherit",
  });
  const output = await shell.stdout.text();
  expect(await shell.exited).toBe(0);
  return output;
}

const sign = (body: string, secret: string) =>
  createHmac("sha256", secret).update(body).digest("hex");

function post(
  service: ServiceProcess,
  id: string,
  body: string,
  secret: string,
  search = "",
): Promise<Response> {
  return fetch(`${service.url}/api/webhooks/${id}${search}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-webhook-signature": sign(body, secret) },
    body,
  });
}

/** Resolves when the replica answers for the workflow, and no more 401. */
async function knows(service: ServiceProcess, id: string, secret: string): Promise<void> {
  await eventually(async () => (await post(service, id, "not json", secret)).status === 400);
}

describe("the page's examples", () => {
  test("the signature of its first line is accepted, and a wrong or missing one is answered 401", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    await create(service, { id: "page", trigger: { secret: "your-secret" } });
    await knows(service, "page", "your-secret");
    const status = (header: string) =>
      bash(
        `SIGNATURE=$(echo -n '{"event":"test"}' | openssl dgst -sha256 -hmac "your-secret" | cut -d' ' -f2)
         curl -s -o /dev/null -w '%{http_code}' -X POST "$URL/api/webhooks/page" \\
           -H "Content-Type: application/json" ${header} -d '{"event":"test"}'`,
        service.url,
      );
    expect(await status(`-H "X-Webhook-Signature: $SIGNATURE"`)).toBe("200");
    expect(await status(`-H "X-Webhook-Signature: 0$SIGNATURE"`)).toBe("401");
    expect(await status("")).toBe("401");
    const headers = { Authorization: `Bearer ${API_TOKEN}` };
    const metrics = await (await fetch(`${service.url}/metrics`, { headers })).text();
    expect(metrics).toContain(
      'fluxhook_http_requests_total{class="inbound",status_class="2xx"} 1\n',
    );
  });

  test("its second example runs to the letter, and the query is in the workflow", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    await create(service, {
      id: "your-workflow-id",
      trigger: { secret: "your-webhook-secret", response: { mode: "lastNode" } },
      nodes: [
        {
          id: "answer",
          type: "set",
          value: {
            id: "{{trigger.data.order_id}}",
            source: "{{trigger.data._query.source}}",
            priority: "{{trigger.data._query.priority}}",
          },
        },
      ],
    });
    await knows(service, "your-workflow-id", "your-webhook-secret");
    const example = (query: string) => `
PAYLOAD='{"event":"order_created","order_id":"12345"}'

SIGNATURE=$(echo -n "$PAYLOAD" | openssl dgst -sha256 -hmac "your-webhook-secret" | cut -d' ' -f2)

curl -s -X POST "$URL/api/webhooks/your-workflow-id${query}" \\
  -H "Content-Type: application/json" \\
  -H "X-Webhook-Signature: $SIGNATURE" \\
  -d "$PAYLOAD"`;
    expect(await bash(example(""), service.url)).toBe(
      '{"id":"12345","source":null,"priority":null}',
    );
    expect(await bash(example("?source=crm&priority=high"), service.url)).toBe(
      '{"id":"12345","source":"crm","priority":"high"}',
    );
  });
});

test("the first example of docs/inbound.md is answered as the page says", async () => {
  const page = await Bun.file(join(import.meta.dir, "../../docs/inbound.md")).text();
  const [, json = ""] = /```json\n([^]*?)```/.exec(page) ?? [];
  const script = [...page.matchAll(/```sh\n([^]*?)```/g)].at(1)?.[1] ?? "";
  await using scene = await openScene();
  const service = await scene.serve();
  const workflow = JSON.parse(json) as { id: string; trigger: { secret: string } };
  const receiver = scene.receiver();
  await register(service, { user_id: "u_1", url: receiver.url });
  await create(service, workflow);
  await knows(service, workflow.id, workflow.trigger.secret);
  const lines = script.replace("curl -X", "curl -s -w ' %{http_code}' -X");
  const said = await bash(lines.replaceAll("http://127.0.0.1:8585", service.url), service.url);
  expect(said).toBe('{"taken":true} 201');
  expect(page).toContain('It is answered 201 with `{"taken":true}`.');
  // The event that it pushes, with the query in it.
  const [event] = await receiver.waitFor(1);
  expect(JSON.parse(event?.text ?? "")).toMatchObject({ data: { order: "12345", from: "crm" } });
});

const MODES: readonly [mode: string, more: object, answer: RegExp | string][] = [
  ["minimal", {}, /^\{"success":true,"executionId":"exec-[a-z2-7]{26}"\}$/],
  ["lastNode", {}, '{"event":"e","query":"crm"}'],
  ["specificNode", { node_id: "first" }, '{"got":12345678901234567890}'],
  [
    "allNodes",
    {},
    '{"first":{"name":"HTTP Request","output":{"got":12345678901234567890}},"second":{"name":"Transform","output":{"event":"e","query":"crm"}}}',
  ],
];

const BODY = '{"event":"e","n":12345678901234567890}';

describe.each([1, 2])("on %d replicas", (replicas) => {
  test("every mode answers its output, with its own status and headers", async () => {
    await using scene = await openScene();
    const services = await start(scene, replicas);
    const [first] = services;
    if (first === undefined) throw new Error("no replica");
    for (const [mode, more] of MODES) {
      const response = { mode, status: 201, headers: { "X-Mine": "yes" }, ...more };
      await create(first, { id: mode, trigger: { secret: "the-secret", response } });
    }
    for (const service of services) {
      for (const [mode, , answer] of MODES) {
        await knows(service, mode, "the-secret");
        const found = await post(service, mode, BODY, "the-secret", "?source=crm");
        const text = await found.text();
        expect([found.status, found.headers.get("x-mine")]).toEqual([201, "yes"]);
        if (typeof answer === "string") expect(text).toBe(answer);
        else expect(text).toMatch(answer);
      }
    }
    // Many at once, so that either replica runs what the other one waits for.
    const all = await Promise.all(
      Array.from({ length: 200 }, (_, at) => {
        const service = services[at % services.length] ?? first;
        return post(service, "lastNode", BODY, "the-secret", "?source=crm").then((one) =>
          one.text(),
        );
      }),
    );
    expect(new Set(all)).toEqual(new Set(['{"event":"e","query":"crm"}']));
  });

  test("a change reaches every replica, and so does a rotated secret", async () => {
    await using scene = await openScene();
    const services = await start(scene, replicas);
    const [first] = services;
    if (first === undefined) throw new Error("no replica");
    await create(first, {
      id: "changing",
      trigger: { secret: "old-secret", response: { mode: "lastNode" } },
      nodes: [{ id: "a", type: "set", value: "before" }],
    });
    for (const service of services) {
      await knows(service, "changing", "old-secret");
      expect(await (await post(service, "changing", "{}", "old-secret")).text()).toBe('"before"');
    }
    const nodes = [{ id: "a", type: "set", value: "after" }];
    await first.api("PATCH", "/v1/workflows/changing", { nodes });
    await first.api("POST", "/v1/workflows/changing/rotate-secret", {
      secret: "new-secret",
      grace_hours: 0,
    });
    for (const service of services) {
      await knows(service, "changing", "new-secret");
      await eventually(
        async () =>
          (await (await post(service, "changing", "{}", "new-secret")).text()) === '"after"',
      );
      expect((await post(service, "changing", "{}", "old-secret")).status).toBe(401);
    }
    await first.api("DELETE", "/v1/workflows/changing");
    for (const service of services) {
      await eventually(
        async () => (await post(service, "changing", "{}", "new-secret")).status === 401,
      );
    }
  });
});

function start(scene: Scene, replicas: number): Promise<ServiceProcess[]> {
  return Promise.all(Array.from({ length: replicas }, () => scene.serve()));
}

test("100 requests with one Idempotency-Key start one execution and get equal answers", async () => {
  await using scene = await openScene();
  const services = await start(scene, 2);
  const [first] = services;
  if (first === undefined) throw new Error("no replica");
  await create(first, {
    id: "once",
    trigger: { secret: "the-secret", response: { mode: "allNodes" } },
    nodes: [{ id: "id", type: "set", value: "{{execution.id}}" }],
  });
  for (const service of services) await knows(service, "once", "the-secret");
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, at) => {
      const response = await fetch(`${services[at % 2]?.url}/api/webhooks/once`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "x-webhook-signature": sign("{}", "the-secret"),
          "idempotency-key": "k",
        },
        body: "{}",
      });
      return `${response.status} ${await response.text()}`;
    }),
  );
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toStartWith("200 ");
  expect(await scene.redis.zcard(inboundKeys(scene.prefix).executions("once"))).toBe(1);
});

test("a test run answers the execution node by node, also of a disabled workflow", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  await create(service, { id: "tested", enabled: false });
  const { status, body } = await service.api("POST", "/v1/workflows/tested/test", {
    data: { event: "e", n: 1 },
    query: { source: "crm" },
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    workflow_id: "tested",
    state: "finished",
    test: true,
    nodes: [
      { id: "first", state: "finished", output: { got: 1 } },
      { id: "second", state: "finished", output: { event: "e", query: "crm" } },
    ],
  });
});

test("while Valkey is away a signed request is answered 503, and after that it is accepted", async () => {
  const valkey = await ownValkey();
  const service = await startServiceProcess({ valkeyUrl: valkey.url, prefix: freshPrefix() });
  try {
    await create(service, { id: "outage", trigger: { secret: "the-secret" } });
    await knows(service, "outage", "the-secret");
    expect((await post(service, "outage", "{}", "the-secret")).status).toBe(200);
    valkey.signal("SIGKILL");
    await valkey.exited;
    const away = await eventually(async () => {
      const response = await post(service, "outage", "{}", "the-secret");
      return response.status === 503 ? response : null;
    });
    expect(away.headers.get("retry-after")).toBe("1");
    // Nobody learns from an outage which workflows there are.
    expect((await post(service, "nobody", "{}", "the-secret")).status).toBe(503);
    await valkey.restart();
    await eventually(
      async () => (await post(service, "outage", "{}", "the-secret")).status === 200,
    );
  } finally {
    await service.stop();
    await valkey.stop();
  }
});

test("a service that is stopped answers who waits, with the execution's id, and ends with 0", async () => {
  await using scene = await openScene();
  const service = await scene.serve({ FLUXHOOK_SHUTDOWN_GRACE: "200ms" });
  await create(service, {
    id: "waits",
    trigger: { secret: "the-secret", response: { mode: "lastNode", timeout_ms: 60_000 } },
    nodes: [{ id: "never", type: "task", task: "never", timeout_ms: 60_000 }],
  });
  await knows(service, "waits", "the-secret");
  const waiting = Array.from({ length: 20 }, () => post(service, "waits", "{}", "the-secret"));
  await eventually(async () => (await scene.redis.llen(`${scene.prefix}:tasks:never`)) === 20);
  const exit = service.stop();
  for (const answer of waiting) {
    const response = await answer;
    expect(response.status).toBe(504);
    expect(((await response.json()) as { executionId: string }).executionId).toMatch(/^exec-/);
  }
  expect(await exit).toBe(0);
});

test("a test run that is under way is answered when the service stops, and goes on elsewhere", async () => {
  await using scene = await openScene();
  const service = await scene.serve({ FLUXHOOK_SHUTDOWN_GRACE: "200ms" });
  await create(service, {
    id: "tested",
    trigger: { response: { timeout_ms: 60_000 } },
    nodes: [{ id: "never", type: "task", task: "never", timeout_ms: 60_000 }],
  });
  const testing = service.api<{ id: string; state: string }>("POST", "/v1/workflows/tested/test");
  await eventually(async () => (await scene.redis.llen(`${scene.prefix}:tasks:never`)) === 1);
  const exit = service.stop();
  const { status, body } = await testing;
  expect([status, body.state]).toEqual([200, "waiting"]);
  expect(await exit).toBe(0);
  const key = inboundKeys(scene.prefix).execution(body.id);
  expect(await scene.redis.hget(key, "state")).toBe("waiting");
});

test("the canary in secret, signature, Authorization and Cookie is nowhere in Valkey or the log", async () => {
  await using scene = await openScene();
  const key = Buffer.alloc(32, 3).toString("base64");
  const service = await scene.serve({ FLUXHOOK_SECRET_KEY: key, FLUXHOOK_LOG_LEVEL: "debug" });
  const secret = "canary-secret-of-inbound";
  await create(service, { id: "canary", trigger: { secret, response: { mode: "allNodes" } } });
  await knows(service, "canary", secret);
  const response = await fetch(`${service.url}/api/webhooks/canary`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-webhook-signature": sign("{}", secret),
      authorization: "Bearer canary-of-authorization",
      cookie: "a=canary-of-cookie",
    },
    body: "{}",
  });
  await response.text();
  const dumped = (await dumpValkey(scene.redis)).filter(([name]) => name.includes(scene.prefix));
  const dump = dumped.map(([, text]) => text).join("\n") + JSON.stringify(service.lines);
  // The body and the query are the workflow's data: they are there.
  expect(dump).toContain('"id":"canary"');
  for (const canary of [
    secret,
    sign("{}", secret),
    "canary-of-authorization",
    "canary-of-cookie",
  ]) {
    expect(dump.includes(canary)).toBe(false);
  }
});
