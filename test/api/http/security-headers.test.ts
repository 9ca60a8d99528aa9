import { afterAll, describe, expect, test } from "bun:test";
import { apiScene, closeScenes, TOKEN } from "../api-scene.ts";

afterAll(closeScenes);

const ORIGIN = "https://app.example.com";

const EXPECTED = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/** The clock is read for it. */
const MAKE_TOKEN: RequestInit = {
  method: "POST",
  headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
  body: '{"user_id":"u_1"}',
};

describe("every answer has the security headers", () => {
  test.each<[string, string, number, RequestInit]>([
    ["/healthz", "of success", 200, {}],
    ["/openapi.json", "of the document", 200, {}],
    ["/v1/rejected", "without a token", 401, {}],
    ["/nothing", "of an unknown path", 404, {}],
    ["/healthz", "of a wrong method", 405, { method: "DELETE" }],
    ["/v1/tokens", "of a fault of Fluxhook", 500, MAKE_TOKEN],
  ])("at %s: the answer %s", async (path, _, status, init) => {
    const api = await apiScene();
    api.breakClock(new Error("boom"));
    const response = await api.raw(path, init);
    expect(response.status).toBe(status);
    // The document may be cached, but a cache has to ask for its ETag each time.
    const cached = path === "/openapi.json" ? { "cache-control": "no-cache" } : {};
    expect(Object.fromEntries(response.headers)).toMatchObject({ ...EXPECTED, ...cached });
    expect(response.headers.has("x-powered-by")).toBe(false);
    expect(response.headers.has("strict-transport-security")).toBe(false);
  });

  test("but a page that sets its own policy keeps its own", async () => {
    const api = await apiScene();
    api.app.get("/page", (c) =>
      c.html("<p>", 200, {
        "Content-Security-Policy": "default-src 'self'",
        "Cache-Control": "max-age=60",
      }),
    );
    const { headers } = await api.raw("/page");
    expect(headers.get("content-security-policy")).toBe("default-src 'self'");
    expect(headers.get("cache-control")).toBe("max-age=60");
    expect(headers.get("x-frame-options")).toBe("DENY");
  });
});

const corsHeaders = (response: Response) =>
  [...response.headers.keys()].filter((name) => name.startsWith("access-control-"));

function preflight(origin: string, path = "/v1/webhooks"): [string, RequestInit] {
  const headers = {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
  };
  return [path, { method: "OPTIONS", headers }];
}

describe("without FLUXHOOK_CORS_ORIGINS", () => {
  test("no answer has a CORS header, and a preflight is a request without a token", async () => {
    const api = await apiScene();
    for (const [path, init, status] of [
      ["/v1/rejected", { headers: { origin: ORIGIN, authorization: `Bearer ${TOKEN}` } }, 200],
      ["/healthz", { headers: { origin: ORIGIN } }, 200],
      [...preflight(ORIGIN), 401],
      [...preflight(ORIGIN, "/healthz"), 405],
    ] as const) {
      const response = await api.raw(path, init);
      expect(response.status).toBe(status);
      expect(corsHeaders(response)).toEqual([]);
    }
  });
});

const api = await apiScene({ config: { corsOrigins: [ORIGIN, "http://localhost:3000"] } });

describe("with FLUXHOOK_CORS_ORIGINS", () => {
  const allowed = "access-control-allow-origin";

  test.each([ORIGIN, "http://localhost:3000"])("answers a preflight of %s", async (origin) => {
    const response = await api.raw(...preflight(origin));
    expect(response.status).toBe(204);
    expect(response.headers.get(allowed)).toBe(origin);
    expect(response.headers.get("access-control-allow-headers")?.toLowerCase()).toContain(
      "authorization,content-type,idempotency-key",
    );
    expect(response.headers.get("access-control-allow-methods")).toContain("PATCH");
    expect(response.headers.has("access-control-allow-credentials")).toBe(false);
    expect(response.headers.get("vary")).toContain("Origin");
    expect(Object.fromEntries(response.headers)).toMatchObject(EXPECTED);
  });

  test.each([
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://evil.example/https://app.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://sub.app.example.com",
    "null",
    "*",
    "",
  ])("allows nothing to the origin %p", async (origin) => {
    for (const request of [
      preflight(origin),
      ["/v1/rejected", { headers: { origin, authorization: `Bearer ${TOKEN}` } }],
    ] as const) {
      expect((await api.raw(request[0], request[1])).headers.has(allowed)).toBe(false);
    }
  });

  test("names the origin on answers and on refusals, and varies by it", async () => {
    for (const authorization of [`Bearer ${TOKEN}`, "Bearer wrong"]) {
      const headers = { origin: ORIGIN, authorization };
      const response = await api.raw("/v1/rejected", { headers });
      expect(response.headers.get(allowed)).toBe(ORIGIN);
      expect(response.headers.get("vary")).toContain("Origin");
      expect(response.headers.get("access-control-expose-headers")).toContain("Location");
      expect(response.headers.has("access-control-allow-credentials")).toBe(false);
    }
    const without = await api.raw("/healthz");
    expect(without.headers.get("vary")).toContain("Origin");
    expect(without.headers.has(allowed)).toBe(false);
  });

  test("an OPTIONS that is no preflight is answered 405 as any method that the path lacks", async () => {
    const response = await api.raw("/healthz", { method: "OPTIONS", headers: { origin: ORIGIN } });
    expect(response.status).toBe(405);
  });

  test("a preflight reaches no route: it needs no token and changes nothing", async () => {
    const { status } = await api.raw(...preflight(ORIGIN, "/v1/no-such-route"));
    expect(status).toBe(204);
    expect(await api.webhookCount()).toBe(0);
  });
});
