import { afterEach, describe, expect, test } from "bun:test";
import { Flux } from "../../src/sdk/flux.ts";
import { FluxError } from "../../src/sdk/flux-error.ts";
import type { FluxOptions } from "../../src/sdk/transport.ts";
import { hang, startReceiver, type Receiver, type Respond } from "../support/receiver.ts";

const EVENT = { user_id: "u_1", event: "file.created", data: {} };
const opened: Receiver[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((receiver) => receiver.stop()));
});

/** A service that answers as told, and its client. */
function open(respond: Respond, options: Partial<FluxOptions> = {}) {
  const service = startReceiver(respond);
  opened.push(service);
  const flux = new Flux({ apiKey: "a-token", baseUrl: service.url, ...options });
  return { service, flux };
}

const accepted = () => Response.json({ ids: ["evt_1"] }, { status: 202 });
const unavailable = (headers: Record<string, string> = {}) =>
  Response.json(
    { type: "urn:fluxhook:problem:unavailable", title: "T", status: 503, detail: "D" },
    { status: 503, headers: { "Content-Type": "application/problem+json", ...headers } },
  );

async function rejection(promise: Promise<unknown>): Promise<FluxError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof FluxError) return error;
    throw new Error("it rejected with another error", { cause: error });
  }
  throw new Error("it did not reject");
}

describe("a call", () => {
  test("goes to the given address and path, with the token", async () => {
    const { service } = open(() => Response.json({ logs: [] }));
    const flux = new Flux({ apiKey: "a-token", baseUrl: `${service.url}/behind/a/proxy/` });
    expect(await flux.logs.list("u/1 ?")).toEqual([]);
    expect(await flux.logs.list({ org_id: "o_1" })).toEqual([]);
    expect(service.requests.map(({ path }) => path)).toEqual([
      "/behind/a/proxy/v1/users/u%2F1%20%3F/logs",
      "/behind/a/proxy/v1/orgs/o_1/logs",
    ]);
    expect(service.requests[0]?.headers.get("authorization")).toBe("Bearer a-token");
  });

  test.each(["", ".", "..", undefined, 5])("refuses %p as an id", (id) => {
    const { flux } = open(accepted);
    expect(() => flux.webhooks.get(id as string)).toThrow(TypeError);
  });

  test.each([
    ["webhooks.test", (flux: Flux) => flux.webhooks.test("wh_1"), "POST /v1/webhooks/wh_1/test"],
    [
      "deliveries.redeliver",
      (flux: Flux) => flux.deliveries.redeliver("d"),
      "POST /v1/deliveries/d/redeliver",
    ],
  ])("%s is not repeated where its answer is lost", async (_name, call, request) => {
    const { service, flux } = open(() => unavailable());
    expect((await rejection(call(flux))).attempts).toBe(1);
    expect(service.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([request]);
  });

  test("does not follow a redirect, which would take the token elsewhere", async () => {
    const other = open(accepted);
    const { flux } = open(() => Response.redirect(other.service.url, 307));
    expect(await rejection(flux.events.send(EVENT))).toMatchObject({
      status: 307,
      type: "about:blank",
    });
    expect(other.service.requests).toEqual([]);
  });

  test("uses the given fetch", async () => {
    const urls: unknown[] = [];
    const given = Object.assign(
      async (url: unknown) => {
        urls.push(url);
        return accepted();
      },
      { preconnect: fetch.preconnect },
    );
    const flux = new Flux({ apiKey: "a-token", fetch: given });
    expect(await flux.events.send(EVENT)).toEqual({ ids: ["evt_1"] });
    expect(urls).toEqual(["http://127.0.0.1:8585/v1/events"]);
  });
});

describe("the client repeats", () => {
  test.each([429, 502, 503, 504])(
    "events answered %i: the same bytes, the same key",
    async (status) => {
      const { service, flux } = open((_request, n) =>
        n === 0 ? new Response(null, { status }) : accepted(),
      );
      expect(await flux.events.send([EVENT])).toEqual({ ids: ["evt_1"] });
      const [first, second] = service.requests;
      expect(second?.text).toBe(first?.text ?? "");
      expect(second?.headers.get("idempotency-key")).toBe(
        first?.headers.get("idempotency-key") ?? "",
      );
      expect(first?.headers.get("idempotency-key")).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  test("events whose answer was late", async () => {
    const { service, flux } = open((_request, n) => (n === 0 ? hang() : accepted()), {
      timeoutMs: 100,
    });
    expect(await flux.events.send(EVENT)).toEqual({ ids: ["evt_1"] });
    expect(service.requests).toHaveLength(2);
  });

  test("events whose connection was cut", async () => {
    const { service, flux } = open(accepted);
    await service.stop();
    const waiting = flux.events.send(EVENT);
    opened.push(startReceiver(accepted, { port: service.port }));
    expect(await waiting).toEqual({ ids: ["evt_1"] });
  });

  test("no call more often than retries allows, and the error has the idempotency key", async () => {
    const { service, flux } = open(() => unavailable(), { retries: 2 });
    const error = await rejection(flux.events.send(EVENT, { idempotencyKey: "mine" }));
    expect(service.requests).toHaveLength(3);
    expect(error).toMatchObject({
      status: 503,
      attempts: 3,
      idempotencyKey: "mine",
      type: "urn:fluxhook:problem:unavailable",
    });
  });

  test("nothing if retries is 0", async () => {
    const { service, flux } = open(() => unavailable(), { retries: 0 });
    await rejection(flux.events.send(EVENT));
    expect(service.requests).toHaveLength(1);
  });

  test("nothing if Retry-After is a day", async () => {
    const { service, flux } = open(() => unavailable({ "Retry-After": "86400" }));
    await rejection(flux.events.send(EVENT));
    expect(service.requests).toHaveLength(1);
  });

  test("no call before the second that Retry-After asks for", async () => {
    const { service, flux } = open((_request, n) =>
      n === 0 ? unavailable({ "Retry-After": "1" }) : accepted(),
    );
    await flux.events.send(EVENT);
    const [first, second] = service.requests;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
  });

  test.each([400, 401, 404, 409, 422, 500])("nothing answered %i", async (status) => {
    const { service, flux } = open(() => new Response(null, { status }));
    expect((await rejection(flux.events.send(EVENT))).status).toBe(status);
    expect(service.requests).toHaveLength(1);
  });

  test("a registration only if it certainly was not applied", async () => {
    const { service, flux } = open(
      (_request, n) => new Response(null, { status: n === 0 ? 429 : 503 }),
    );
    const error = await rejection(
      flux.webhooks.create({ user_id: "u_1", url: "https://a.example" }),
    );
    expect(error).toMatchObject({ status: 503, attempts: 2 });
    expect(service.requests).toHaveLength(2);
  });

  test("a rotation, to the same secret", async () => {
    const { service, flux } = open((_request, n) =>
      n === 0 ? unavailable() : Response.json({ secret: "s", previous_expires_at: null }),
    );
    await flux.webhooks.rotateSecret("wh_1", { grace_hours: 1 });
    const [first, second] = service.requests.map(({ text }) => JSON.parse(text) as object);
    expect(first).toMatchObject({ grace_hours: 1, secret: expect.stringMatching(/^whsec_/) });
    expect(second).toEqual(first ?? {});
  });

  test("a deletion, which succeeds if the retry gets 404", async () => {
    const { flux } = open((_request, n) => new Response(null, { status: n === 0 ? 502 : 404 }));
    await flux.webhooks.delete("wh_1");
    expect(
      (
        await rejection(
          open(() => new Response(null, { status: 404 })).flux.webhooks.delete("wh_1"),
        )
      ).status,
    ).toBe(404);
  });
});

describe("a FluxError", () => {
  test("has the fields of the problem document", async () => {
    const problem = {
      type: "urn:fluxhook:problem:invalid",
      title: "The input is invalid",
      status: 422,
      detail: "2 faults",
      errors: [{ field: "event", code: "invalid-field", message: "event must be …" }],
      webhook_id: "wh_1",
    };
    const { flux } = open(() => Response.json(problem, { status: 422 }));
    const error = await rejection(flux.events.send(EVENT));
    expect(error).toMatchObject({ ...problem, name: "FluxError", attempts: 1 });
    expect(error.message).toBe("POST /v1/events: 422 The input is invalid: 2 faults");
  });

  test.each<[claim: string, respond: Respond, status: number]>([
    ["a proxy's page", () => new Response("<html>", { status: 500 }), 500],
    ["a page where JSON was expected", () => new Response("<html>"), 200],
    [
      "JSON that is no problem document",
      () => Response.json({ error: "no" }, { status: 404 }),
      404,
    ],
    ["JSON that is no object", () => Response.json(5), 200],
  ])("of %s says that it is not Fluxhook's", async (_claim, respond, status) => {
    const { flux } = open(respond);
    const error = await rejection(flux.events.send(EVENT));
    expect(error).toMatchObject({ status, type: "about:blank", errors: [] });
    expect(error.detail).toContain("not Fluxhook's");
  });

  test("distinguishes a time-out from a failed connection", async () => {
    const hanging = open(hang, { timeoutMs: 50, retries: 0 });
    expect(await rejection(hanging.flux.events.send(EVENT))).toMatchObject({
      status: 0,
      type: "urn:fluxhook:sdk:timeout",
      detail: "no answer within 50 ms",
    });
    const { service, flux } = open(accepted, { retries: 0 });
    await service.stop();
    const error = await rejection(flux.events.send(EVENT));
    expect(error).toMatchObject({ status: 0, type: "urn:fluxhook:sdk:connection" });
    expect(error.cause).toBeInstanceOf(Error);
  });

  test("is thrown if the body of an answer never ends", async () => {
    const endless = () => new Response(new ReadableStream({ start: (c) => c.enqueue("{") }));
    const { flux } = open(endless, { timeoutMs: 100, retries: 0 });
    expect((await rejection(flux.events.send(EVENT))).type).toBe("urn:fluxhook:sdk:timeout");
  });

  test("and the client do not show the token when printed", async () => {
    const { flux } = open(() => unavailable(), { retries: 0, apiKey: "CANARY-token" });
    const error = await rejection(flux.events.send(EVENT));
    expect(Bun.inspect(error, { depth: 9 })).not.toContain("CANARY");
    expect(Bun.inspect(flux, { depth: 9 })).not.toContain("CANARY");
    expect(JSON.stringify(flux)).not.toContain("CANARY");
  });
});

describe("an AbortSignal", () => {
  test("aborts a request in flight", async () => {
    const controller = new AbortController();
    const { service, flux } = open(hang, { timeoutMs: 600_000, retries: 0 });
    const call = flux.events.send(EVENT, { signal: controller.signal });
    await service.waitFor(1);
    const reason = new Error("no longer wanted");
    controller.abort(reason);
    expect(await call.catch((error: unknown) => error)).toBe(reason);
  });

  test("aborts the pause before a retry", async () => {
    const controller = new AbortController();
    const reason = new Error("no longer wanted");
    const { service, flux } = open(() => unavailable({ "Retry-After": "29" }));
    const call = flux.events.send(EVENT, { signal: controller.signal });
    await service.waitFor(1);
    controller.abort(reason);
    expect(await call.catch((error: unknown) => error)).toBe(reason);
  });

  test("that is already aborted prevents the request", async () => {
    const { service, flux } = open(accepted);
    const reason = new Error("no longer wanted");
    const call = flux.events.send(EVENT, { signal: AbortSignal.abort(reason) });
    expect(await call.catch((error: unknown) => error)).toBe(reason);
    expect(service.requests).toEqual([]);
  });
});

describe("new Flux refuses", () => {
  test.each<[claim: string, options: object]>([
    ["no token", { apiKey: undefined }],
    ["an empty token", { apiKey: "" }],
    ["a token with a line feed", { apiKey: "a\nb" }],
    ["an address without a scheme", { baseUrl: "localhost:8585" }],
    ["an address of another scheme", { baseUrl: "redis://localhost" }],
    ["an address with a password", { baseUrl: "http://user:CANARY@localhost" }],
    ["a time-out of nothing", { timeoutMs: 0 }],
    ["a time-out that is no number", { timeoutMs: Number.NaN }],
    ["retries below nothing", { retries: -1 }],
    ["retries without end", { retries: Infinity }],
  ])("%s", (_claim, options) => {
    const make = () => new Flux({ apiKey: "a-token", ...options });
    expect(make).toThrow(TypeError);
    expect(make).not.toThrow("CANARY");
  });
});
