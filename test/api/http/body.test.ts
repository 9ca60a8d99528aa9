import { afterAll, describe, expect, spyOn, test } from "bun:test";
import { CONTENT_TYPE_FORM, SMALL_BODY_BYTES } from "../../../src/api/http/body.ts";
import { apiScene, closeScenes, TOKEN } from "../api-scene.ts";

afterAll(closeScenes);

const JSON_TYPE = "application/json";
const api = await apiScene();

/** A body in pieces, without a Content-Length, like that of a chunked request. */
function pieces(...parts: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    pull(controller) {
      const part = parts.shift();
      if (part === undefined) controller.close();
      else controller.enqueue(typeof part === "string" ? encoder.encode(part) : part);
    },
  });
}

async function post(path: string, body: RequestInit["body"], headers: Record<string, string> = {}) {
  const response = await api.raw(path, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": JSON_TYPE, ...headers },
    body,
  });
  return response.status;
}

const WEBHOOK = '{"user_id":"u_1","url":"https://example.com/';
const EVENT = '{"user_id":"u_1","event":"file.created","data":{}}';

describe.each(["/v1/webhooks", "/v1/events"])("POST %s", (path) => {
  test.each<[string, string | Uint8Array]>([
    ["nothing", ""],
    ["half an object", '{"user_id":'],
    ["two objects", "{}{}"],
    ["form fields", "user_id=u_1"],
    ["bytes that are not UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["a byte order mark", `\ufeff${EVENT}`],
    ["nesting that does not end", "[".repeat(60)],
  ])("refuses %s with 400", async (_, body) => {
    expect(await post(path, body)).toBe(400);
  });

  test.each([
    ["text/plain"],
    ["application/x-www-form-urlencoded"],
    ["application/problem+json"],
    ["application/jsonx"],
    ["application/json; charset=latin1"],
    [""],
  ])("refuses the content type %p with 415", async (type) => {
    expect(await post(path, EVENT, { "content-type": type })).toBe(415);
  });

  test("refuses a body without a content type with 415", async () => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const body = new TextEncoder().encode(EVENT);
    expect((await api.raw(path, { method: "POST", headers, body })).status).toBe(415);
  });

  test("refuses a compressed body with 415", async () => {
    expect(await post(path, Bun.gzipSync(EVENT), { "content-encoding": "gzip" })).toBe(415);
  });
});

test.each([
  ["application/json; charset=utf-8"],
  ["application/json;charset=UTF-8"],
  ['Application/JSON; charset="utf-8"'],
  ["application/json ; charset = utf-8"],
])("a request with the content type %p is accepted", async (type) => {
  expect(await post("/v1/events", EVENT, { "content-type": type })).toBe(202);
});

describe("a body over the limit", () => {
  const long = "x".repeat(SMALL_BODY_BYTES);

  test.each<[string, () => RequestInit["body"], Record<string, string>]>([
    ["by its Content-Length", () => `${WEBHOOK}${long}"}`, { "content-length": "70000" }],
    ["with a Content-Length that lies", () => `${WEBHOOK}${long}"}`, { "content-length": "10" }],
    [
      "with a Content-Length that is no number",
      () => `${WEBHOOK}${long}"}`,
      { "content-length": "x" },
    ],
    ["in chunks, without a Content-Length", () => pieces(WEBHOOK, long, '"}'), {}],
  ])("is answered 413 %s", async (_, body, headers) => {
    expect(await post("/v1/webhooks", body(), headers)).toBe(413);
  });

  test("is not read beyond the limit", async () => {
    let cancelled = false;
    let pulled = 0;
    // It ends after 16 MiB, so that a broken limit fails this test and does not fill the memory.
    const long16Mib = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        if (pulled > 1_024) return controller.close();
        controller.enqueue(new Uint8Array(16 * 1024));
      },
      cancel() {
        cancelled = true;
      },
    });
    expect(await post("/v1/webhooks", long16Mib)).toBe(413);
    expect(cancelled).toBe(true);
    expect(pulled).toBeLessThan(10);
  });

  test("is one byte longer than a body that is accepted", async () => {
    const start = `${WEBHOOK}limit","description":"`;
    const rest = SMALL_BODY_BYTES - start.length - 2;
    const atLimit = `${start}"}${" ".repeat(rest)}`;
    expect(atLimit).toHaveLength(SMALL_BODY_BYTES);
    expect(await post("/v1/webhooks", pieces(atLimit))).toBe(201);
    expect(await post("/v1/webhooks", pieces(`${atLimit} `))).toBe(413);
  });

  test("is longer than 8 MiB for events", async () => {
    const spaces = " ".repeat(8 * 1024 * 1024 - EVENT.length);
    expect(await post("/v1/events", EVENT + spaces)).toBe(202);
    expect(await post("/v1/events", `${EVENT}${spaces} `)).toBe(413);
  });
});

describe("a body that is nested too deep", () => {
  const BODY_ROUTES = [
    ["POST", "/v1/webhooks"],
    ["PATCH", "/v1/webhooks/wh_1"],
    ["POST", "/v1/webhooks/wh_1/rotate-secret"],
    ["POST", "/v1/webhooks/wh_1/test"],
    ["POST", "/v1/check-url"],
    ["PUT", "/v1/users/u_1/config"],
    ["PUT", "/v1/orgs/o_1/config"],
    ["POST", "/v1/parked/redeliver"],
    ["POST", "/v1/rejected/requeue"],
    ["POST", "/v1/tokens"],
    ["POST", "/v1/listen"],
    ["POST", "/v1/listen/s/answers"],
    ["POST", "/v1/events"],
    ["POST", "/v1/workflows"],
    ["POST", "/v1/workflows/check"],
    ["PUT", "/v1/workflows/wh_1"],
    ["PATCH", "/v1/workflows/wh_1"],
    ["POST", "/v1/workflows/wh_1/rotate-secret"],
    ["POST", "/v1/workflows/wh_1/test"],
  ] as const;

  test("is tested here on all routes that take a body", async () => {
    const { paths } = (await (await api.raw("/openapi.json")).json()) as {
      paths: Record<string, Record<string, { requestBody?: object }>>;
    };
    const taking = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { requestBody }]) =>
        requestBody ? [`${method.toUpperCase()} ${path}`] : [],
      ),
    );
    const tried = BODY_ROUTES.map(([method, path]) => `${method} ${path}`);
    expect(taking.map((route) => route.replaceAll(/\{\w+\}/g, "*")).toSorted()).toEqual(
      tried.map((route) => route.replaceAll(/wh_1|u_1|o_1|\bs\b/g, "*")).toSorted(),
    );
  });

  test.each(BODY_ROUTES)("is answered 422 by %s %s, unparsed", async (method, path) => {
    for (const deep of [
      `{"data":${"[".repeat(30_000)}${"]".repeat(30_000)}}`,
      `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`,
      "[".repeat(60_000),
    ]) {
      const answer = await api.call(method, path, deep);
      expect(answer.status).toBe(422);
      expect(answer.body["type"]).toBe("urn:fluxhook:problem:too-deep");
      expect(answer.body["detail"]).toContain("at most 64");
      expect(answer.body["detail"]).toMatch(/\b(10000|30001|60000) levels deep/);
    }
  });

  test("is one of more than 64 levels, counting the event around the data", async () => {
    const event = (levels: number) =>
      `{"user_id":"u","event":"a","data":{"a":${"[".repeat(levels)}${"]".repeat(levels)}}}`;
    expect((await api.call("POST", "/v1/events", event(62))).status).toBe(202);
    const refused = await api.call("POST", "/v1/events", event(63));
    expect(refused.status).toBe(422);
    expect(refused.body["errors"]).toMatchObject([{ field: "data.a", code: "too-deep" }]);
  });
});

test("a body is not serialised again before its schema reads it", async () => {
  const stringify = spyOn(JSON, "stringify");
  const body = '{"user_id":"u_once","url":"https://example.com/once","description":"CANARY"}';
  expect(await post("/v1/webhooks", body)).toBe(201);
  const written = stringify.mock.results.map(({ value }) => String(value));
  stringify.mockRestore();
  // The stored webhook has it, and the answer; nothing before them.
  expect(written.filter((text) => text.includes("CANARY"))).toHaveLength(2);
});

test("a body with more values than any route takes is refused before it is checked", async () => {
  const answer = await api.call("POST", "/v1/webhooks", `[${"0,".repeat(20_000)}0]`);
  expect(answer.status).toBe(422);
  expect(answer.body["errors"]).toMatchObject([{ code: "too-many-values" }]);
});

test("a body with more escapes than any route takes is refused before it is parsed", async () => {
  const path = "/v1/listen/s/answers";
  const answer = (body: string) => `{"id":"1-1","status":200,"headers":[],"body":"${body}"}`;
  const few = await api.call("POST", path, answer(String.raw`\/`.repeat(200_000)));
  expect(few.status).toBe(404);
  const many = await api.call("POST", path, answer(String.raw`\/`.repeat(200_001)));
  expect(many.status).toBe(422);
  expect(many.body["errors"]).toMatchObject([{ code: "too-many-escapes" }]);
});

test("a body with a number of a million digits is refused before it is parsed", async () => {
  const body = `{"id":"1-1","status":2${"0".repeat(1_000_100)}}`;
  const answer = await api.call("POST", "/v1/listen/s/answers", body);
  expect(answer.status).toBe(422);
  expect(answer.body["errors"]).toMatchObject([{ code: "too-many-characters" }]);
});

test("a body with thousands of invalid fields is answered with at most 100 of them", async () => {
  const fields = Array.from({ length: 5_000 }, (_, n) => `"x${n}":0`).join(",");
  const { status, body } = await api.call("POST", "/v1/webhooks", `{${fields}}`);
  expect(status).toBe(422);
  expect((body["errors"] as unknown[]).length).toBeLessThanOrEqual(100);
});

test("matching a Content-Type takes time that grows no faster than its length", () => {
  const cpuMs = (blanks: number) => {
    const type = `application/json${" ".repeat(blanks)}x`;
    const before = process.cpuUsage();
    for (let round = 0; round < 20; round++) expect(CONTENT_TYPE_FORM.test(type)).toBe(false);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  cpuMs(100);
  // Quadratic: 16,000 blanks took 170 ms each.
  expect(cpuMs(16_000)).toBeLessThan(20 * 20);
});

describe("a key __proto__", () => {
  const webhook = '"user_id":"u_proto","url":"https://example.com/proto"';

  test.each<[string, string]>([
    ["headers.__proto__", `{${webhook},"headers":{"__proto__":"a"}}`],
    ["headers.__proto__", String.raw`{${webhook},"headers":{"\u005f_\u0070roto__":"a"}}`],
    ["headers.__proto__", `{${webhook},"headers":{"__proto__":{"x-a":"b"}}}`],
    ["disable_rule.__proto__", `{${webhook},"disable_rule":{"__proto__":1,"failing_for":"5d"}}`],
    ["__proto__", `{${webhook},"__proto__":{"enabled":false}}`],
  ])("is refused as %s", async (field, body) => {
    const answer = await api.call("POST", "/v1/webhooks", body);
    expect(answer.status).toBe(422);
    expect(answer.body["errors"]).toMatchObject([{ field, code: "unsafe_key" }]);
    const patch = body.replace(`${webhook},`, "");
    expect((await api.call("PATCH", "/v1/webhooks/wh_1", patch)).status).toBe(422);
  });

  test("is refused, while a header may be named constructor or toString", async () => {
    const headers = { constructor: "a", toString: "b", hasOwnProperty: "c", valueOf: "d" };
    const body = { user_id: "u_proto", url: "https://example.com/names", headers };
    const created = await api.call("POST", "/v1/webhooks", body);
    expect(created.status).toBe(201);
    expect(created.body["headers"]).toEqual(headers);
  });

  test("is delivered unchanged in the data of an event", async () => {
    const event = '{"user_id":"u_1","event":"a","data":{"__proto__":{"a":1}}}';
    expect((await api.call("POST", "/v1/events", event)).status).toBe(202);
    expect((await api.pushed()).at(-1)).toContain('{"__proto__":{"a":1}}');
  });
});

describe("half of a surrogate pair", () => {
  const webhook = { user_id: "u_1", url: "https://example.com/unicode" };
  const half = String.raw`"\ud800"`;
  // JSON.stringify escapes a half, and nothing else of a pair.
  const withText = (field: string, text: string) =>
    JSON.stringify({ ...webhook, [field]: "?" }).replace('"?"', text);

  test.each<[string, string, string]>([
    ["a string", withText("description", half), "description"],
    ["the middle of a string", withText("description", String.raw`"a\uDC00b"`), "description"],
    ["a pair the wrong way round", withText("url", String.raw`"\udc00\ud800"`), "url"],
    ["a value in an object", withText("headers", `{"x-a":${half}}`), "headers.x-a"],
    ["a value in an array", withText("events", `["*",${half}]`), "events.1"],
    ["a key", withText("headers", `{${half}:"a"}`), "headers"],
    ["the whole body", half, ""],
    ["a value at the deepest level", `${"[".repeat(64)}${half}${"]".repeat(64)}`, ""],
  ])("is refused with 422 as %s", async (_, body, field) => {
    const answer = await api.call("POST", "/v1/webhooks", body);
    expect(answer.status).toBe(422);
    const [error] = answer.body["errors"] as { field: string; code: string }[];
    expect(error?.code).toBe("not_unicode");
    if (field !== "") expect(error?.field).toBe(field);
  });

  test("is not confused with a whole pair or with an escaped backslash", async () => {
    for (const [n, text] of [String.raw`"\ud83d\udca5"`, String.raw`"\\ud800"`].entries()) {
      const body = withText("description", text).replace("unicode", `unicode-${n}`);
      expect((await api.call("POST", "/v1/webhooks", body)).status).toBe(201);
    }
  });

  test("is delivered unchanged in the data of an event", async () => {
    const event = `{"user_id":"u_1","event":"a","data":{"x":${half}}}`;
    expect((await api.call("POST", "/v1/events", event)).status).toBe(202);
    expect((await api.pushed()).at(-1)).toContain(half);
  });
});
