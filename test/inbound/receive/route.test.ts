// The route against the complaints that users of such software have (T…: docs/inbound.md's design), and its
// table of errors.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { queryOf } from "./request-texts.ts";
import { closeScenes, inboundScene, sign, type InboundScene } from "./inbound-scene.ts";

let scene: InboundScene;
beforeAll(async () => {
  scene = await inboundScene();
  await scene.create();
});
afterAll(closeScenes);

const lastBody = () => Buffer.from(scene.executions.started.at(-1)?.body ?? "").toString("utf8");

describe("verification", () => {
  test("accepts the hex HMAC of the raw body, in upper case and behind sha256= too", async () => {
    const body = '{"event":"test"}';
    for (const signature of [
      sign(body),
      sign(body).toUpperCase(),
      `sha256=${sign(body)}`,
      `sha256=${sign(body).toUpperCase()}`,
    ]) {
      const response = await scene.post(body, { headers: { "x-webhook-signature": signature } });
      expect(response.status).toBe(200);
    }
  });

  // T2: other software serialises the body again before it hashes it.
  test.each([
    ["spaces and line breaks", '{ "a" :\n 1 }\r\n'],
    ["escapes", '{"a":"\\u0041\\/"}'],
    ["numbers as they were written", '{"a":1.0,"b":1e2,"c":12345678901234567890}'],
    ["a key that is there twice", '{"a":1,"a":2}'],
  ])("verifies and passes on the bytes of a body with %s", async (_name, body) => {
    expect((await scene.post(body)).status).toBe(200);
    expect(lastBody()).toBe(body);
  });

  test.each([
    ["a byte order mark", Buffer.from('\u{feff}{"a":1}')],
    ["invalid UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["no JSON", Buffer.from("not json")],
    ["nothing", Buffer.from("")],
  ])("verifies a body of %s before it refuses it with 400", async (_name, body) => {
    const signed = await scene.post(body);
    expect(signed.status).toBe(400);
    const unsigned = await scene.post(body, { headers: { "x-webhook-signature": sign("other") } });
    expect(unsigned.status).toBe(401);
  });

  test.each([
    ["missing", {}],
    ["empty", { "x-webhook-signature": "" }],
    ["of another body", { "x-webhook-signature": sign("{} ") }],
    ["by another secret", { "x-webhook-signature": sign("{}", "your-secreu") }],
    ["cut", { "x-webhook-signature": sign("{}").slice(0, 63) }],
    ["too long", { "x-webhook-signature": `${sign("{}")}0` }],
    ["behind sha256= twice", { "x-webhook-signature": `sha256=sha256=${sign("{}")}` }],
    ["behind sha1=", { "x-webhook-signature": `sha1=${sign("{}")}` }],
    ["given twice", { "x-webhook-signature": `${sign("{}")}, ${sign("{}")}` }],
    ["in the header of GitHub", { "x-hub-signature-256": `sha256=${sign("{}")}` }],
  ])(
    "a signature that is %s is answered like one for a workflow that does not exist",
    async (_name, headers) => {
      const before = scene.executions.started.length;
      const ask = async (id: string) => {
        const response = await fetch(`${scene.url}/api/webhooks/${id}`, {
          method: "POST",
          body: "{}",
          headers: { "content-type": "application/json", ...headers },
        });
        const all = [...response.headers].filter(([name]) => name !== "date");
        return { status: response.status, headers: all, text: await response.text() };
      };
      const known = await ask("w");
      expect(known.status).toBe(401);
      expect(known.headers.map(([name]) => name)).not.toContain("www-authenticate");
      expect(await ask("nobody")).toEqual(known);
      expect(await ask("no%20such")).toEqual(known);
      expect(scene.executions.started.length).toBe(before);
    },
  );

  test("a workflow whose secret cannot be opened here accepts nothing", async () => {
    const key = Buffer.alloc(32, 1).toString("base64");
    const sealing = await inboundScene({ secretKey: [key] });
    await sealing.create();
    expect((await sealing.post("{}")).status).toBe(200);
    const without = await inboundScene({ prefix: sealing.prefix });
    expect(without.directory.get("w")).toBeDefined();
    expect((await without.post("{}")).status).toBe(401);
    expect(
      (await without.post("{}", { headers: { "x-webhook-signature": sign("{}", "") } })).status,
    ).toBe(401);
  });

  test("during a rotation both secrets are accepted, and after the grace only the new one", async () => {
    const rotating = await inboundScene();
    await rotating.create();
    await rotating.control.rotate("w", { secret: "new-secret", graceMs: 3_600_000 });
    await rotating.known("w", (found) => found?.keysAt(rotating.nowMs).length === 2);
    const statuses = async () =>
      Promise.all(
        ["your-secret", "new-secret"].map(async (secret) => {
          const headers = { "x-webhook-signature": sign("{}", secret) };
          return (await rotating.post("{}", { headers })).status;
        }),
      );
    expect(await statuses()).toEqual([200, 200]);
    rotating.nowMs += 3_601_000;
    expect(await statuses()).toEqual([401, 200]);
  });

  test("after 60 wrong signatures an address is answered 429, and a right signature is accepted", async () => {
    const limited = await inboundScene();
    await limited.create();
    const wrong = (id: string) =>
      limited.post("{}", { id, headers: { "x-webhook-signature": sign("x") } });
    const statuses = [];
    for (let at = 0; at < 62; at++) statuses.push((await wrong(at % 2 ? "w" : "nobody")).status);
    expect(statuses).toEqual([...Array<number>(60).fill(401), 429, 429]);
    expect(Number((await wrong("nobody")).headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await (await wrong("w")).text()).toBe(await (await wrong("nobody")).text());
    expect((await limited.post("{}")).status).toBe(200);
    expect(limited.logged.map(({ message }) => message)).toEqual(["inbound.limited"]);
  });
});

describe("the body", () => {
  // T3: software that hashes the JSON that it made of a form.
  test("a form verifies on its raw bytes only, and becomes an object of texts", async () => {
    await scene.create({ accepts: ["json", "form"] }, { id: "form" });
    const headers = { "content-type": "application/x-www-form-urlencoded; charset=UTF-8" };
    const body = "a=1&b=x+y&a=2&__proto__=p&c";
    const post = (signed: string) =>
      scene.post(body, {
        id: "form",
        headers: { ...headers, "x-webhook-signature": sign(signed) },
      });
    expect((await post(body)).status).toBe(200);
    expect(lastBody()).toBe('{"a":["1","2"],"b":"x y","__proto__":"p","c":""}');
    expect((await post(lastBody())).status).toBe(401);
    expect((await scene.post("{}", { id: "form" })).status).toBe(200);
  });

  test("a form is refused where it was not allowed", async () => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const response = await scene.post("a=1", { headers });
    expect(response.status).toBe(415);
    expect(await response.text()).toContain("application/json");
  });

  // T11, T12.
  test.each([
    ["application/json; charset=utf-8", 200],
    ["application/hal+json", 200],
    ["application/vnd.api+json;charset=UTF-8", 200],
    ["application/json; charset=latin1", 415],
    ["text/json", 415],
    ["text/plain", 415],
    ["multipart/form-data; boundary=x", 415],
    ["application/octet-stream", 415],
  ])("content type %s is answered %d", async (type, status) => {
    const response = await scene.post("{}", { headers: { "content-type": type } });
    expect(response.status).toBe(status);
    if (status === 415) expect(await response.text()).toContain("send Content-Type");
  });

  test("a compressed body is refused, after its signature was checked", async () => {
    const body = Bun.gzipSync("{}");
    const headers = { "content-encoding": "gzip" };
    expect((await scene.post(body, { headers })).status).toBe(415);
    const wrong = { ...headers, "x-webhook-signature": sign("{}") };
    expect((await scene.post(body, { headers: wrong })).status).toBe(401);
  });

  // T10.
  test("the largest body is accepted, and one byte more is answered 413, chunked too", async () => {
    const small = await inboundScene({ maxBytes: 4_096 });
    await small.create();
    const body = (bytes: number) => `"${"x".repeat(bytes - 2)}"`;
    expect((await small.post(body(4_096))).status).toBe(200);
    expect((await small.post(body(4_097))).status).toBe(413);
    const chunked = await fetch(`${small.url}/api/webhooks/w`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-webhook-signature": sign(body(4_097)) },
      body: new Blob([body(4_097)]).stream(),
    });
    expect(chunked.status).toBe(413);
    const unknown = await small.post(body(4_097), { id: "nobody" });
    expect(unknown.status).toBe(413);
  });

  test("a body of 413 is refused before it was read whole", async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 65_536;
        if (sent > 64 * 1024 * 1024) controller.close();
        else controller.enqueue(new Uint8Array(65_536));
      },
    });
    const response = await fetch(`${scene.url}/api/webhooks/w`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: endless,
    }).catch(() => null);
    if (response !== null) expect(response.status).toBe(413);
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  // T22.
  test("a body nested too deeply is answered 400 at once, and the next request is answered", async () => {
    const deep = "[".repeat(60_000) + "]".repeat(60_000);
    const began = process.cpuUsage();
    expect((await scene.post(deep)).status).toBe(400);
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1_000).toBeLessThan(200);
    expect((await scene.post("[".repeat(64) + "]".repeat(64))).status).toBe(200);
    expect((await scene.post("[".repeat(65) + "]".repeat(65))).status).toBe(400);
  });

  test("no refusal quotes the body", async () => {
    const response = await scene.post('{"card":"4111111111111111", nonsense');
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain("4111");
  });
});

describe("what the workflow is given", () => {
  test("the query: names that come twice are arrays", async () => {
    await scene.post("{}", { search: "?source=crm&priority=high&tag=a&tag=b&x" });
    expect(queryOf(scene)).toEqual({ source: "crm", priority: "high", tag: ["a", "b"], x: "" });
    await scene.post("{}", { search: "?" });
    expect(scene.executions.started.at(-1)?.query).toBeNull();
  });

  // T17.
  test("the headers, without credentials and signatures", async () => {
    await scene.post("{}", {
      headers: {
        authorization: "Bearer canary",
        cookie: "a=canary",
        "proxy-authorization": "canary",
        "x-mine": "kept",
      },
    });
    const headers = scene.executions.started.at(-1)?.headers ?? "";
    expect(headers).not.toContain("canary");
    expect(headers).not.toContain(sign("{}"));
    expect(JSON.parse(headers)).toMatchObject({
      "x-mine": "kept",
      "content-type": "application/json",
    });
  });

  // T18, T19.
  test("a body with braces stays that text", async () => {
    const body = '{"x":"{{trigger.headers}}","__proto__":{"admin":true},"constructor":1}';
    expect((await scene.post(body)).status).toBe(200);
    expect(lastBody()).toBe(body);
  });
});

describe("repeated requests", () => {
  // T4.
  test("100 at once with one Idempotency-Key start one execution and get equal answers", async () => {
    const before = scene.executions.started.length;
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const response = await scene.post('{"n":1}', { headers: { "idempotency-key": "k-1" } });
        return { status: response.status, text: await response.text() };
      }),
    );
    expect(scene.executions.started.length - before).toBe(1);
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
  });

  test("the repetition says so, and another body is answered 409 with the first execution", async () => {
    const headers = { "idempotency-key": "k-2" };
    const first = await scene.post("{}", { headers });
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    const second = await scene.post("{}", { headers });
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    const other = await scene.post("[]", { headers });
    expect(other.status).toBe(409);
    expect(await other.json()).toMatchObject({
      type: "urn:fluxhook:problem:key-reused",
      executionId: first.headers.get("x-execution-id"),
    });
  });

  test("an expression of the trigger recognises them, and null recognises nothing", async () => {
    await scene.create({ idempotency: "trigger.data.?id.orValue(null)" }, { id: "by-id" });
    const post = async (body: string) =>
      (await scene.post(body, { id: "by-id" })).headers.get("x-execution-id");
    expect(await post('{"id":12345678901234567890}')).toBe(
      await post('{"id":12345678901234567890}'),
    );
    expect(await post('{"id":12345678901234567891}')).not.toBe(
      await post('{"id":12345678901234567890}'),
    );
    expect(await post("{}")).not.toBe(await post("{}"));
  });

  test("an expression that fails is answered 400, with its path", async () => {
    await scene.create({ idempotency: "trigger.data.order.id" }, { id: "by-order" });
    const response = await scene.post("{}", { id: "by-order" });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("trigger.data.order does not exist");
  });
});

describe("the answer", () => {
  const OUTPUTS = [
    { id: "a", name: "A", output: '{"n":12345678901234567890,"p":1.10}', turn: 0 },
    { id: "b", name: "Transform", output: '"text"', turn: 1 },
    { id: "c", name: "c", output: "null", turn: null },
  ];
  const NODES = OUTPUTS.map(({ id, name }) => ({ id, name, type: "set", value: 1 }));

  async function answered(id: string, response: object) {
    await scene.create({ response }, { id, nodes: NODES });
    scene.executions.ends = () => ({ kind: "finished", nodes: OUTPUTS });
    const answer = await scene.post("{}", { id });
    return { answer, text: await answer.text() };
  }

  // T15.
  test.each([
    ["lastNode", {}, '"text"'],
    ["specificNode", { node_id: "a" }, '{"n":12345678901234567890,"p":1.10}'],
    ["specificNode", { node_id: "c" }, "null"],
    [
      "allNodes",
      {},
      '{"a":{"name":"A","output":{"n":12345678901234567890,"p":1.10}},"b":{"name":"Transform","output":"text"},"c":{"name":"c","output":null}}',
    ],
  ])("%s %j answers %s, with its own status and headers", async (mode, more, text) => {
    const id = `mode-${mode}-${Object.values(more).join("")}`;
    const headers = { "X-Mine": "yes", "Cache-Control": "max-age=1" };
    const found = await answered(id, { mode, status: 201, headers, ...more });
    expect(found.text).toBe(text);
    expect(found.answer.status).toBe(201);
    expect(found.answer.headers.get("x-mine")).toBe("yes");
    expect(found.answer.headers.get("cache-control")).toBe("max-age=1");
    expect(found.answer.headers.get("content-type")).toBe("application/json");
    expect(found.answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(found.answer.headers.get("content-security-policy")).toBe("sandbox");
    expect(found.answer.headers.get("x-execution-id")).toMatch(/^exec-/);
  });

  test("minimal answers the execution's id before it ends, with its own status and headers", async () => {
    await scene.create({ response: { status: 202, headers: { "x-a": "b" } } }, { id: "minimal" });
    const response = await scene.post("{}", { id: "minimal" });
    const executionId = response.headers.get("x-execution-id");
    expect(response.status).toBe(202);
    expect(response.headers.get("x-a")).toBe("b");
    expect(await response.text()).toBe(`{"success":true,"executionId":"${executionId}"}`);
  });

  test("a text goes out as it is where the trigger sets a type that is not JSON", async () => {
    const headers = { "Content-Type": "text/xml" };
    const { answer, text } = await answered("xml", { mode: "lastNode", headers });
    expect(text).toBe("text");
    expect(answer.headers.get("content-type")).toBe("text/xml");
  });

  test.each([204, 205, 304])("a status of %d has no body", async (status) => {
    const { answer, text } = await answered(`empty-${status}`, { mode: "lastNode", status });
    expect([answer.status, text]).toEqual([status, ""]);
  });

  test("a redirect is answered as it is", async () => {
    const headers = { Location: "https://example.com/" };
    const { answer } = await answered("redirect", { mode: "lastNode", status: 302, headers });
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "https://example.com/"]);
  });

  // T16.
  test("a failed node is answered 502 with its id, whatever status the trigger has", async () => {
    await scene.create({ response: { mode: "allNodes", status: 201 } }, { id: "fails" });
    scene.executions.ends = () => ({
      kind: "failed",
      error: { node_id: "a", code: "unknown-path", message: "trigger.data.x does not exist" },
    });
    const response = await scene.post("{}", { id: "fails" });
    expect(response.status).toBe(502);
    expect(await response.json()).toEqual({
      type: "urn:fluxhook:problem:node-failed",
      title: "The workflow failed",
      status: 502,
      detail: "trigger.data.x does not exist",
      executionId: response.headers.get("x-execution-id"),
      node_id: "a",
      code: "unknown-path",
    });
  });

  // T6.
  test("a wait that is over is answered 504 with the id of the execution, which goes on", async () => {
    await scene.create({ response: { mode: "lastNode", timeout_ms: 1_000 } }, { id: "slow" });
    scene.executions.ends = (_started, { timeoutMs }) => {
      expect(timeoutMs).toBe(1_000);
      return { kind: "timed-out" };
    };
    const response = await scene.post("{}", { id: "slow" });
    expect(response.status).toBe(504);
    expect(((await response.json()) as { executionId: string }).executionId).toMatch(/^exec-/);
  });

  test("a client that goes away ends the wait, and the execution was accepted", async () => {
    await scene.create({ response: { mode: "lastNode" } }, { id: "leaves" });
    const { promise: waits, resolve: begun } = Promise.withResolvers<void>();
    const { promise: left, resolve: ended } = Promise.withResolvers<void>();
    scene.executions.ends = async (_started, { signal }) => {
      begun();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      ended();
      return { kind: "timed-out" };
    };
    const leaving = new AbortController();
    const asked = fetch(`${scene.url}/api/webhooks/leaves`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-webhook-signature": sign("{}") },
      body: "{}",
      signal: leaving.signal,
    }).catch(() => "left");
    await waits;
    leaving.abort();
    await left;
    expect(await asked).toBe("left");
    expect(scene.executions.started.at(-1)?.workflowId).toBe("leaves");
  });

  test("a service that stops answers all that wait with 504 and their ids", async () => {
    const stopping = await inboundScene();
    await stopping.create({ response: { mode: "lastNode" } });
    stopping.executions.ends = async (_started, { signal }) => {
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => resolve());
      });
      return { kind: "timed-out" };
    };
    const waiting = Array.from({ length: 20 }, () => stopping.post("{}"));
    while (stopping.executions.waits.length < 20) await Bun.sleep(2);
    await stopping.route.release();
    const statuses = await Promise.all(waiting.map(async (one) => (await one).status));
    expect(new Set(statuses)).toEqual(new Set([504]));
  });
});

describe("other refusals", () => {
  test("a disabled workflow is answered 409 where the signature holds, and 401 where not", async () => {
    await scene.create({}, { id: "off", enabled: false });
    const response = await scene.post("{}", { id: "off" });
    expect(response.status).toBe(409);
    expect(await response.text()).toContain("workflow-disabled");
    const headers = { "x-webhook-signature": sign("x") };
    expect((await scene.post("{}", { id: "off", headers })).status).toBe(401);
    await scene.control.setEnabled("off", true);
    await scene.known("off", (found) => found?.enabled === true);
    expect((await scene.post("{}", { id: "off" })).status).toBe(200);
  });

  test.each(["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])(
    "%s is answered 405",
    async (method) => {
      for (const id of ["w", "nobody"]) {
        const response = await fetch(`${scene.url}/api/webhooks/${id}`, { method });
        expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
      }
    },
  );

  test("paths beside the route are none of its own", async () => {
    for (const path of [
      "/api/webhooks",
      "/api/webhooks/",
      "/api/webhooks/w/x",
      "/x/api/webhooks/w",
    ]) {
      expect((await fetch(scene.url + path, { method: "POST" })).status).toBe(404);
    }
  });

  test("a rate limit answers 429 after the signature was checked, and recovers", async () => {
    await scene.create({ rate_limit: { per_second: 2 } }, { id: "rated" });
    const post = async () => (await scene.post("{}", { id: "rated" })).status;
    expect([await post(), await post(), await post()]).toEqual([200, 200, 429]);
    const headers = { "x-webhook-signature": sign("x") };
    expect((await scene.post("{}", { id: "rated", headers })).status).toBe(401);
    scene.nowMs += 1_000;
    expect([await post(), await post(), await post()]).toEqual([200, 200, 429]);
  });

  test("a deleted workflow is answered like one that never was", async () => {
    await scene.create({}, { id: "gone" });
    expect((await scene.post("{}", { id: "gone" })).status).toBe(200);
    await scene.control.delete("gone");
    await scene.known("gone", (found) => found === undefined);
    expect((await scene.post("{}", { id: "gone" })).status).toBe(401);
  });

  test("equal bodies of the same bytes have equal fingerprints", async () => {
    const fingerprint = createHash("sha256").update("{}").digest("hex");
    await scene.post("{}", { headers: { "idempotency-key": "f" } });
    expect(scene.executions.started.at(-1)?.idempotency).toEqual({ key: "h:f", fingerprint });
  });
});
