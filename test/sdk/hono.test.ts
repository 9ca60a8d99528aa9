import { describe, expect, test } from "bun:test";
import { Hono, type HonoRequest, type MiddlewareHandler } from "hono";
import { receiveWebhook, type HonoContext, type WebhookVariables } from "../../src/sdk/hono.ts";
import type { ReceiveOptions } from "../../src/sdk/receive.ts";
import type { WebhookVerificationError } from "../../src/sdk/verification-error.ts";
import type { FluxdropEvent } from "../../src/sdk/webhook-events.ts";
import { DIALECT_NAMES } from "../../src/wire/dialects/registry.ts";
import { OTHER_SECRET, SECRET, signedRequest, withoutStandard } from "./signed-request.ts";

const nowSeconds = () => Math.floor(Date.now() / 1_000);
const signedNow = (name: (typeof DIALECT_NAMES)[number] = "fluxdrop") =>
  signedRequest(name, { unixSeconds: nowSeconds() });

interface Seen {
  event: FluxdropEvent;
  raw: string;
  json: unknown;
}

/** An app whose handler tells what it sees. */
function open(options: Partial<ReceiveOptions<HonoContext>> = {}) {
  const app = new Hono<{ Variables: WebhookVariables<FluxdropEvent> }>();
  const failures: WebhookVerificationError[] = [];
  const onFailure = (error: WebhookVerificationError) => void failures.push(error);
  const middleware = receiveWebhook({ secret: SECRET, onFailure, ...options });
  app.onError((error, c) => c.text(error.message, 500));
  app.post("/hooks", middleware, async (c) => {
    const raw = new TextDecoder().decode(c.get("rawBody"));
    return c.json({ event: c.get("event"), raw, json: await c.req.json<object>() });
  });
  const post = (headers: Record<string, string>, body: string | ReadableStream) =>
    app.request("/hooks", { method: "POST", headers, body });
  return { app, middleware, failures, post };
}

describe("the middleware for Hono", () => {
  test.each(DIALECT_NAMES)(
    "lets through what is signed for %s, with event and raw body",
    async (name) => {
      const { headers, body } = await signedNow(name);
      const response = await open().post(headers, body);
      expect(response.status).toBe(200);
      const seen = (await response.json()) as Seen;
      expect(seen.raw).toBe(body);
      expect(seen.event).toEqual(JSON.parse(body));
      expect(seen.json).toEqual(JSON.parse(body));
    },
  );

  test("answers 401 without the reason, and passes it to onFailure", async () => {
    const { post, failures } = open();
    const { headers, body } = await signedNow();
    const response = await post(headers, `${body} `);
    expect(response.status).toBe(401);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.has("www-authenticate")).toBe(true);
    expect(await response.json()).toEqual({
      type: "about:blank",
      title: "Unauthorized",
      status: 401,
    });
    expect(failures.map(({ code }) => code)).toEqual(["no-matching-signature"]);
  });

  test("answers 401 to a missing signature, one by another secret and an old one", async () => {
    const { post, failures } = open();
    const { headers, body } = await signedNow();
    const old = await signedRequest("fluxdrop", { unixSeconds: nowSeconds() - 301 });
    const strange = await signedRequest("fluxdrop", {
      secrets: [OTHER_SECRET],
      unixSeconds: nowSeconds(),
    });
    for (const given of [{}, withoutStandard(headers), strange.headers, old.headers]) {
      expect((await post(given, body)).status).toBe(401);
    }
    expect(failures.map(({ code }) => code)).toEqual([
      "missing-header",
      "missing-header",
      "no-matching-signature",
      "too-old",
    ]);
  });

  test("accepts a request without a time if requireTime is false", async () => {
    const { headers, body } = await signedNow();
    const response = await open({ requireTime: false }).post(withoutStandard(headers), body);
    expect(response.status).toBe(200);
  });

  test("looks up the secret of each request, and accepts several", async () => {
    const { headers, body } = await signedNow();
    const asked: string[] = [];
    const secret = async (c: HonoContext) => {
      asked.push(new URL(c.req.raw.url).pathname);
      return [OTHER_SECRET, SECRET];
    };
    expect((await open({ secret }).post(headers, body)).status).toBe(200);
    expect(asked).toEqual(["/hooks"]);
  });

  test.each([
    ["announced", (body: string) => body],
    ["streamed", (body: string) => new Blob([body]).stream()],
  ])("answers 413 to a body over the limit, %s", async (_claim, form) => {
    const { headers, body } = await signedNow();
    const { post } = open({ maxBodyBytes: body.length });
    expect((await post(headers, form(body))).status).toBe(413);
    // The body has one character of two bytes.
    const exact = open({ maxBodyBytes: Buffer.byteLength(body) });
    expect((await exact.post(headers, form(body))).status).toBe(200);
  });

  test("answers 413 to what an earlier middleware has read beyond the limit", async () => {
    const { app, middleware } = open({ maxBodyBytes: 10 });
    const reader: MiddlewareHandler = async (c, next) => {
      await c.req.text();
      await next();
    };
    app.post("/read", reader, middleware);
    const { headers, body } = await signedNow();
    expect((await app.request("/read", { method: "POST", headers, body })).status).toBe(413);
  });

  test("verifies a body that an earlier middleware has read but not changed", async () => {
    for (const read of ["text", "arrayBuffer", "json", "blob"] as const) {
      const { app, middleware } = open();
      app.post(
        "/read",
        async (c, next) => {
          await c.req[read]();
          await next();
        },
        middleware,
        (c) => c.text(c.get("event").id),
      );
      const { headers, body } = await signedNow();
      const response = await app.request("/read", { method: "POST", headers, body });
      expect([read, response.status, await response.text()]).toEqual([read, 200, "evt_1"]);
    }
  });

  const parsers: [claim: string, parse: (req: HonoRequest) => Promise<unknown>][] = [
    ["a form", (req) => req.formData()],
    // As older versions of Hono keep what `c.req.json()` gave.
    ["JSON", async (req) => (req.bodyCache.json = req.raw.json())],
    ["JSON past Hono", (req) => req.raw.json()],
  ];

  test.each(parsers)("says what to change if only parsed %s is left", async (claim, parse) => {
    const { app, middleware } = open();
    const parser: MiddlewareHandler = async (c, next) => {
      await parse(c.req);
      await next();
    };
    app.post("/parsed", parser, middleware);
    const { headers, body } = await signedNow();
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const response = await app.request("/parsed", {
      method: "POST",
      headers: { ...headers, ...(claim === "a form" ? form : {}) },
      body,
    });
    expect(response.status).toBe(500);
    expect(await response.text()).toContain("await c.req.arrayBuffer()");
  });

  test("answers 500 and not 401 if the receiver has no secret", async () => {
    const { headers, body } = await signedNow();
    const { post } = open({ secret: () => "" });
    expect((await post(headers, body)).status).toBe(500);
  });

  test("answers 401 to a request without a body", async () => {
    const { app, middleware } = open();
    app.get("/get", middleware, (c) => c.text("reached"));
    expect((await app.request("/get")).status).toBe(401);
  });
});
