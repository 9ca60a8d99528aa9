import { afterAll, describe, expect, test } from "bun:test";
import type { Server } from "node:http";
import express, { type Express, type RequestHandler } from "express";
import { eventOf, receiveWebhook, type ReceivedWebhook } from "../../src/sdk/express.ts";
import type { WebhookVerificationError } from "../../src/sdk/verification-error.ts";
import { DIALECT_NAMES } from "../../src/wire/dialects/registry.ts";
import { OTHER_SECRET, SECRET, signedRequest, withoutStandard } from "./signed-request.ts";

const nowSeconds = () => Math.floor(Date.now() / 1_000);
const signedNow = (name: (typeof DIALECT_NAMES)[number] = "fluxdrop") =>
  signedRequest(name, { unixSeconds: nowSeconds() });

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

const tell: RequestHandler = (req, res) => {
  const { rawBody } = req as unknown as ReceivedWebhook;
  res.json({ event: eventOf(req), raw: new TextDecoder().decode(rawBody) });
};

/** Serves POST /hooks by these handlers; an error that reaches Express is answered with its message. */
async function open(...handlers: RequestHandler[]) {
  const app: Express = express();
  app.post("/hooks", ...handlers, tell);
  app.use(((error: Error, _req, res, _next) => {
    res.status(500).send(error.message);
  }) as express.ErrorRequestHandler);
  const server = app.listen(0, "127.0.0.1");
  servers.push(server);
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return {
    post: (headers: Record<string, string>, body: string | ReadableStream) =>
      fetch(`http://127.0.0.1:${port}/hooks`, { method: "POST", headers, body }),
  };
}

const raw = express.raw({ type: "application/json", limit: "1mb" });
const keeping = express.json({
  verify(req, _res, bytes) {
    Object.assign(req, { rawBody: bytes });
  },
});

describe("the middleware for Express", () => {
  test.each(DIALECT_NAMES)(
    "lets through what is signed for %s, with event and raw body",
    async (name) => {
      const { headers, body } = await signedNow(name);
      const { post } = await open(receiveWebhook({ secret: SECRET }));
      const response = await post(headers, body);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ event: JSON.parse(body), raw: body });
    },
  );

  test.each<[claim: string, before: RequestHandler]>([
    ["express.raw()", raw],
    ["express.text()", express.text({ type: "*/*" })],
    ["a JSON parser that keeps the bytes in req.rawBody", keeping],
    ["a JSON parser for another type", express.json({ type: "application/other" })],
  ])("works after %s", async (_claim, before) => {
    const { headers, body } = await signedNow();
    const { post } = await open(before, receiveWebhook({ secret: SECRET }));
    const response = await post(headers, body);
    expect(await response.json()).toEqual({ event: JSON.parse(body), raw: body });
    expect((await post(headers, `${body} `)).status).toBe(401);
  });

  test("says what to change if it runs after a JSON parser", async () => {
    const { headers, body } = await signedNow();
    const { post } = await open(express.json(), receiveWebhook({ secret: SECRET }));
    const response = await post(headers, body);
    expect(response.status).toBe(500);
    expect(await response.text()).toContain("express.raw(");
  });

  test("answers 401 without the reason, and passes it to onFailure", async () => {
    const codes: string[] = [];
    const onFailure = ({ code }: WebhookVerificationError) => void codes.push(code);
    const { post } = await open(receiveWebhook({ secret: SECRET, onFailure }));
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

    const old = await signedRequest("fluxdrop", { unixSeconds: nowSeconds() - 301 });
    for (const given of [{}, withoutStandard(headers), old.headers]) {
      expect((await post(given, body)).status).toBe(401);
    }
    expect(codes).toEqual(["no-matching-signature", "missing-header", "missing-header", "too-old"]);
  });

  test("looks up the secret of each request, and accepts several", async () => {
    const { headers, body } = await signedNow();
    const middleware = receiveWebhook<express.Request>({
      secret: async (req) => (req.path === "/hooks" ? [OTHER_SECRET, SECRET] : []),
    });
    expect((await (await open(middleware)).post(headers, body)).status).toBe(200);
  });

  test.each<[claim: string, form: (body: string) => string | ReadableStream]>([
    ["announced", (body) => body],
    ["streamed", (body) => new Blob([body]).stream()],
  ])(
    "answers 413 to a body over the limit, %s, and the next request is served",
    async (_claim, form) => {
      const { headers, body } = await signedNow();
      const large = `${body}${" ".repeat(200_000)}`;
      const { post } = await open(
        receiveWebhook({ secret: SECRET, maxBodyBytes: Buffer.byteLength(body) }),
      );
      const refused = await post(headers, form(large));
      expect(refused.status).toBe(413);
      expect(refused.headers.get("connection")).toBe("close");
      expect((await post(headers, form(body))).status).toBe(200);
    },
  );

  test("answers 413 to what express.raw() has read beyond the limit", async () => {
    const { headers, body } = await signedNow();
    const { post } = await open(raw, receiveWebhook({ secret: SECRET, maxBodyBytes: 10 }));
    expect((await post(headers, body)).status).toBe(413);
  });

  test("answers 500 and not 401 if the receiver has no secret", async () => {
    const { headers, body } = await signedNow();
    const { post } = await open(receiveWebhook({ secret: "" }));
    expect((await post(headers, body)).status).toBe(500);
  });

  test("eventOf throws if the middleware does not run before the handler", async () => {
    const { post } = await open();
    const response = await post({}, "{}");
    expect(response.status).toBe(500);
    expect(await response.text()).toContain("receiveWebhook must run before this handler");
  });
});
