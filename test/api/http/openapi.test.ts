import { afterAll, describe, expect, spyOn, test } from "bun:test";
import type { headOf } from "../../../src/api/http/document.ts";
import { DIALECT_NAMES, dialectOf, eventSchemaName } from "../../../src/wire/dialects/registry.ts";
import { apiScene, closeScenes, readAnswer } from "../api-scene.ts";

afterAll(closeScenes);

interface Operation {
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { required?: boolean; content: Record<string, { schema: unknown }> };
  responses: Record<string, { content?: Record<string, { schema: unknown }> }>;
}
interface Schema {
  type: string;
  properties: Record<string, Record<string, unknown>>;
  required?: string[];
}

const api = await apiScene();
const document = (await readAnswer(await api.raw("/openapi.json"))).body as {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  webhooks: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

/** Hono lists middlewares among the routes, with the method ALL. */
const routes = api.app.routes.filter(({ method }) => method !== "ALL");

function operation(method: string, path: string): Operation | undefined {
  const template = path.replaceAll(/:(\w+)/g, "{$1}");
  return document.paths[template]?.[method.toLowerCase()];
}

/** Counts how often the document is serialised while `ask` runs. */
async function writings(ask: () => Promise<unknown>): Promise<number> {
  const stringify = spyOn(JSON, "stringify");
  await ask();
  const written = stringify.mock.calls.filter(([value]) => {
    return typeof value === "object" && value !== null && "openapi" in value;
  });
  stringify.mockRestore();
  return written.length;
}

describe("/openapi.json is generated once", () => {
  test("for all requests, also for concurrent ones", async () => {
    const fresh = await apiScene();
    const ask = () => Promise.all(Array.from({ length: 5 }, () => fresh.raw("/openapi.json")));
    expect(await writings(ask)).toBe(1);
    expect(await writings(ask)).toBe(0);
  });

  test("and equals what the generator makes of all routes at once", () => {
    const { info, openapi, security } = document as unknown as ReturnType<typeof headOf>;
    const whole = api.app.getOpenAPI31Document({ openapi, info, security });
    expect(document as unknown).toEqual(JSON.parse(JSON.stringify(whole)));
  });

  test("with an ETag that is answered 304, and another one for each version", async () => {
    const first = await api.raw("/openapi.json");
    const etag = first.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    expect(first.headers.get("cache-control")).toBe("no-cache");
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const again = await api.raw("/openapi.json", { headers: { "if-none-match": known } });
      expect([known, again.status, await again.text()]).toEqual([known, 304, ""]);
      expect(again.headers.get("etag")).toBe(etag);
    }
    const other = await api.raw("/openapi.json", { headers: { "if-none-match": '"x"' } });
    expect(other.status).toBe(200);
    const nextVersion = await apiScene({ config: { version: "9.9.9" } });
    const next = await nextVersion.raw("/openapi.json");
    expect(next.headers.get("etag")).not.toBe(etag);
  });

  test("and compressed for requests that accept gzip, with an ETag of its own", async () => {
    const plain = await api.raw("/openapi.json");
    for (const accepts of ["gzip", "br, gzip;q=0.5", "GZIP"]) {
      const zipped = await api.raw("/openapi.json", { headers: { "accept-encoding": accepts } });
      expect(zipped.headers.get("content-encoding")).toBe("gzip");
      expect(zipped.headers.get("vary")).toContain("Accept-Encoding");
      expect(zipped.headers.get("etag")).not.toBe(plain.headers.get("etag"));
      const text = new TextDecoder().decode(Bun.gunzipSync(await zipped.arrayBuffer()));
      expect(JSON.parse(text) as unknown).toEqual(document);
    }
    for (const refuses of ["gzip;q=0", "br", "", "gzip; q=0.000"]) {
      const answer = await api.raw("/openapi.json", { headers: { "accept-encoding": refuses } });
      expect(answer.headers.get("content-encoding")).toBeNull();
    }
  });
});

describe("/openapi.json", () => {
  test("is OpenAPI 3.1", () => {
    expect(document.openapi).toBe("3.1.0");
  });

  test.each(routes.map(({ method, path }): [string, string] => [method, path]))(
    "has the route %s %s",
    (method, path) => {
      expect(operation(method, path)).toBeDefined();
    },
  );

  test("has no route that the API does not serve", () => {
    const served = new Set(
      routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`),
    );
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.filter((route) => !served.has(route))).toEqual([]);
    expect(documented).toHaveLength(served.size);
  });

  test("requires a token on every route below /v1, for the metrics, and on no other", () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const isClosed = path.startsWith("/v1/") || path === "/metrics";
      for (const { security, responses } of Object.values(methods)) {
        expect([path, security]).toEqual([path, isClosed ? undefined : []]);
        expect([path, "401" in responses]).toEqual([path, isClosed]);
      }
    }
  });

  test("documents every problem as application/problem+json", () => {
    for (const methods of Object.values(document.paths)) {
      for (const { responses } of Object.values(methods)) {
        for (const [status, { content }] of Object.entries(responses)) {
          if (Number(status) < 400) continue;
          expect(content).toEqual({
            "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
          });
        }
      }
    }
  });

  test("describes a webhook by the schema that checks it", () => {
    const created = document.components.schemas["WebhookCreate"];
    expect(created?.required).toEqual(["url"]);
    expect(created?.properties["timeout_ms"]).toMatchObject({ minimum: 100, maximum: 30_000 });
    expect(created?.properties["events"]).toMatchObject({ default: ["*"] });
    expect(document.components.schemas["Webhook"]?.properties).not.toHaveProperty("secrets");
    expect(document.components.schemas["WebhookCreated"]?.properties).toHaveProperty("secret");
  });

  test("describes an event, the array of them and the Idempotency-Key", () => {
    const post = operation("POST", "/v1/events");
    const reference = { $ref: "#/components/schemas/Event" };
    expect(post?.requestBody?.content["application/json"]?.schema).toEqual({
      anyOf: [reference, { type: "array", items: reference, minItems: 1, maxItems: 1000 }],
    });
    expect(post?.parameters).toMatchObject([
      { name: "Idempotency-Key", in: "header", required: false },
    ]);
    const event = document.components.schemas["Event"];
    expect(event?.required).toEqual(["event", "data"]);
    expect(event?.properties["data"]).toMatchObject({ type: "object" });
  });

  test("describes the request that a receiver of each dialect gets", () => {
    expect(Object.keys(document.webhooks)).toEqual([...DIALECT_NAMES]);
    for (const name of DIALECT_NAMES) {
      const sent = document.webhooks[name]?.["post"]?.requestBody?.content["application/json"];
      const reference = { $ref: `#/components/schemas/${eventSchemaName(name)}` };
      expect(sent?.schema).toEqual(reference);
      const { properties, required } = document.components.schemas[eventSchemaName(name)] ?? {};
      expect(properties as object).toEqual({ ...dialectOf(name).body });
      expect(required).toEqual(Object.keys(dialectOf(name).body));
    }
  });

  test("names every parameter of every path", () => {
    for (const [path, methods] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
      for (const { parameters = [] } of Object.values(methods)) {
        const named = parameters.filter((p) => p.in === "path").map(({ name }) => name);
        expect([path, named]).toEqual([path, inPath]);
      }
    }
  });

  test("holds every schema that it refers to", () => {
    const text = JSON.stringify(document);
    for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(document.components.schemas).toHaveProperty(name);
    }
  });
});
