import { afterAll, describe, expect, test } from "bun:test";
import { identifyBy, maySee } from "../../src/api/auth/authenticate.ts";
import { SignedTokens } from "../../src/api/auth/signed-tokens.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";
import {
  apiScene,
  asOwner,
  closeScenes,
  readAnswer,
  sceneWithoutValkey,
  TOKEN,
} from "./api-scene.ts";

afterAll(closeScenes);
const api = await apiScene();
const NEXT_TOKEN = "next-token-of-24-characters";
const withToken = { authorization: `Bearer ${TOKEN}` };

describe("an Authorization header identifies its caller", () => {
  const identify = identifyBy({
    apiTokens: [TOKEN, NEXT_TOKEN],
    tokens: new SignedTokens([TOKEN]),
    stores: api.deps.stores,
    now: () => new Date(),
  });
  const asApi = (id: string) => ({ kind: "api", token: { kind: "api", id } }) as object;

  test.each<[string, string | undefined, string | object]>([
    ["the API token", `Bearer ${TOKEN}`, asApi("1")],
    ["another of the API tokens", `Bearer ${NEXT_TOKEN}`, asApi("2")],
    ["two API tokens as they are set", `Bearer ${TOKEN},${NEXT_TOKEN}`, "wrong"],
    ["the scheme in lower case", `bearer ${TOKEN}`, asApi("1")],
    ["no header", undefined, "missing"],
    ["an empty header", "", "missing"],
    ["the scheme alone", "Bearer ", "missing"],
    ["another scheme", `Basic ${btoa(`x:${TOKEN}`)}`, "missing"],
    ["the token without its scheme", TOKEN, "missing"],
    ["a wrong token", "Bearer test-token-of-24-charactert", "wrong"],
    ["a beginning of the token", `Bearer ${TOKEN.slice(0, -1)}`, "wrong"],
    ["the token and more", `Bearer ${TOKEN}x`, "wrong"],
    ["the token in upper case", `Bearer ${TOKEN.toUpperCase()}`, "wrong"],
  ])("given %s", async (_, authorization, expected) => {
    const caller = await identify(authorization);
    if (typeof expected === "string") expect(caller).toBe(expected as typeof caller);
    else expect(caller).toMatchObject(expected);
  });

  test("an owner sees what is its own and nothing else", () => {
    const owner = { kind: "owner", owner: "user:u_1" } as const;
    expect(maySee(owner, "user:u_1")).toBe(true);
    expect(maySee(owner, "org:u_1")).toBe(false);
    expect(maySee(owner, "user:u_2")).toBe(false);
    expect(maySee({ kind: "api" }, "user:u_2")).toBe(true);
  });
});

const mine = "wh_mine";
const other = "wh_other";
const scoped = await apiScene({ identify: asOwner("user:u_1") });
await scoped.stores.webhooks.create(webhookRecord({ id: mine }));
await scoped.stores.webhooks.create(webhookRecord({ id: other, org_id: "u_1" }));

describe("a scoped token", () => {
  const event = { user_id: "u_1", event: "a", data: {} };

  test.each<[string, string, unknown]>([
    ["GET", `/v1/webhooks/${other}`, undefined],
    ["PATCH", `/v1/webhooks/${other}`, { description: "x" }],
    ["DELETE", `/v1/webhooks/${other}`, undefined],
    ["GET", `/v1/webhooks/${other}/secret`, undefined],
    ["POST", `/v1/webhooks/${other}/enable`, undefined],
    ["POST", `/v1/webhooks/${other}/disable`, undefined],
    ["POST", "/v1/webhooks", { user_id: "u_2", url: "https://example.com/new" }],
    ["GET", "/v1/webhooks?user_id=u_1&org_id=u_1", undefined],
    ["GET", "/v1/users/u_2/logs", undefined],
    ["GET", "/v1/orgs/u_1/logs", undefined],
    ["GET", "/v1/rejected", undefined],
    ["POST", "/v1/events", event],
  ])("reaches nothing of other owners by %s %s", async (method, path, json) => {
    expect((await scoped.call(method, path, json)).status).toBe(404);
    expect(await scoped.webhook(other)).toMatchObject({ enabled: true, description: "" });
    expect(await scoped.pushed()).toEqual([]);
  });

  test.each([`/v1/webhooks/${mine}`, "/v1/webhooks?user_id=u_1", "/v1/users/u_1/logs"])(
    "reaches what is its owner's at %s",
    async (path) => {
      expect((await scoped.call("GET", path)).status).toBe(200);
    },
  );
});

describe("a request without a valid token", () => {
  test.each([
    ["GET", "/v1/webhooks?user_id=u_1"],
    ["POST", "/v1/webhooks"],
    ["POST", "/v1/events"],
    ["GET", "/v1/users/u_1/logs"],
    ["GET", "/v1/rejected"],
    ["GET", "/v1/event-types"],
    ["GET", "/v1/no-such-route"],
    ["PUT", "/v1/webhooks"],
    ["GET", "/v1"],
    ["GET", "/%761/webhooks?user_id=u_1"],
  ])("is answered 401: %s %s", async (method, path) => {
    for (const authorization of [undefined, "Bearer wrong"]) {
      const headers = authorization ? { authorization } : undefined;
      const answer = await readAnswer(await api.raw(path, { method, headers }));
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toStartWith("Bearer ");
      expect(answer.headers.get("content-type")).toBe("application/problem+json");
    }
  });

  test("is told invalid_token only if it had a token", async () => {
    const fresh = await apiScene();
    const missing = await fresh.raw("/v1/rejected");
    expect(missing.headers.get("www-authenticate")).not.toContain("invalid_token");
    const wrong = await fresh.raw("/v1/rejected", { headers: { authorization: "Bearer x" } });
    expect(wrong.headers.get("www-authenticate")).toContain('error="invalid_token"');
  });

  test.each(["/healthz", "/readyz", "/openapi.json"])("is answered 200 at %s", async (path) => {
    expect((await api.raw(path)).status).toBe(200);
    expect((await api.raw(path, { method: "HEAD" })).status).toBe(200);
  });

  test("is answered 404 on an unknown route outside of /v1", async () => {
    expect((await api.raw("/no-such-route")).status).toBe(404);
    expect((await api.raw("//v1/rejected")).status).toBe(404);
  });
});

describe("a request with the API token", () => {
  test.each(["/v1/no-such-route", "/v1", "/v1/webhooks/", "/v1/webhooks/wh_1/nothing"])(
    "is answered 404 on the unknown route %s",
    async (path) => {
      const answer = await readAnswer(await api.raw(path, { headers: withToken }));
      expect(answer.status).toBe(404);
      expect(answer.body).toEqual({
        type: "urn:fluxhook:problem:not-found",
        title: "Not found",
        status: 404,
        detail: "there is no route with this path; /openapi.json lists all routes",
      });
    },
  );

  test.each([
    ["PUT", "/v1/webhooks", "GET, HEAD, POST"],
    ["POST", "/v1/webhooks/wh_1", "DELETE, GET, HEAD, PATCH"],
    ["GET", "/v1/webhooks/wh_1/enable", "POST"],
    ["GET", "/v1/events", "POST"],
    ["DELETE", "/v1/users/u_1/logs", "GET, HEAD"],
    ["POST", "/healthz", "GET, HEAD"],
    ["OPTIONS", "/openapi.json", "GET, HEAD"],
  ])("is answered 405 to %s %s, with Allow: %s", async (method, path, allow) => {
    const response = await api.raw(path, { method, headers: withToken });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
  });
});

test("every answer forbids caching and sniffing, a 500 too", async () => {
  for (const [path, status] of [
    ["/healthz", 200],
    ["/v1/rejected", 401],
    ["/nothing", 404],
  ] as const) {
    const response = await api.raw(path);
    expect(response.status).toBe(status);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  }
  const broken = await apiScene();
  broken.breakClock(new Error("boom"));
  const { status, headers } = await broken.call("POST", "/v1/tokens", { user_id: "u_1" });
  expect(status).toBe(500);
  expect(headers.get("cache-control")).toBe("no-store");
});

const down = await sceneWithoutValkey();

describe("while Valkey is away", () => {
  const webhook = { user_id: "u_1", url: "https://example.com/" };
  const event = { user_id: "u_1", event: "file.created", data: {} };

  test.each<[string, string, unknown]>([
    ["POST", "/v1/events", event],
    ["POST", "/v1/webhooks", webhook],
    ["GET", "/v1/webhooks?org_id=o_1", undefined],
    ["GET", "/v1/webhooks/wh_1", undefined],
    ["PATCH", "/v1/webhooks/wh_1", { description: "x" }],
    ["DELETE", "/v1/webhooks/wh_1", undefined],
    ["GET", "/v1/webhooks/wh_1/secret", undefined],
    ["POST", "/v1/webhooks/wh_1/enable", undefined],
    ["GET", "/v1/users/u_1/logs", undefined],
    ["GET", "/v1/orgs/o_1/logs", undefined],
    ["GET", "/v1/rejected", undefined],
    ["GET", "/v1/parked", undefined],
    ["GET", "/v1/parked/summary", undefined],
    ["POST", "/v1/parked/redeliver", { user_id: "u_1" }],
    ["POST", "/v1/rejected/requeue", { all: true }],
    ["POST", "/v1/deliveries/5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001/redeliver", undefined],
    ["POST", "/v1/webhooks/wh_1/rotate-secret", {}],
    ["POST", "/v1/webhooks/wh_1/test", undefined],
    ["POST", "/v1/listen", {}],
    ["GET", "/v1/listen/s/requests", undefined],
    ["DELETE", "/v1/listen/s", undefined],
  ])(
    "%s %s is answered 503 with Retry-After, without the address of Valkey",
    async (method, path, json) => {
      const answer = await down.call(method, path, json);
      expect(answer.status).toBe(503);
      expect(answer.headers.get("retry-after")).toBe("1");
      expect(answer.body["detail"]).toBe(
        method === "GET"
          ? "try again"
          : "a write answered 503 may have been applied; repeat it with its Idempotency-Key",
      );
      expect(answer.text).not.toContain("127.0.0.1");
    },
  );

  test("an id of the wrong form is answered 404 without Valkey", async () => {
    expect((await down.call("GET", "/v1/webhooks/nonsense")).status).toBe(404);
  });

  test("the process is alive and not ready", async () => {
    expect((await down.raw("/healthz")).status).toBe(200);
    const answer = await readAnswer(await down.raw("/readyz"));
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(answer.body["detail"]).toBe("no Valkey");
    expect(answer.body["causes"]).toEqual([
      { code: "valkey-unreachable", queue: null, message: "no Valkey" },
    ]);
  });
});

test("a fault of Fluxhook is logged once, and its answer holds nothing of it", async () => {
  const broken = await apiScene();
  const fault = new Error("secret inside", { cause: "deep" });
  broken.breakClock(fault);
  const answer = await broken.call("POST", "/v1/tokens", { user_id: "u_1" });
  expect(answer.status).toBe(500);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect(answer.text).not.toContain("secret inside");
  expect(answer.text).not.toContain("deep");
  expect(broken.logged).toEqual([
    {
      level: "error",
      fields: { method: "POST", path: "/v1/tokens", err: fault },
      message: "request.failed",
    },
  ]);
});

test("a path is logged as it was sent, since its decoded form could move a terminal's cursor", async () => {
  const away = await sceneWithoutValkey();
  const sent = `/v1/users/${encodeURIComponent("\u202eu_1")}/logs`;
  await away.call("GET", `${sent}?token=hidden`);
  expect(away.logged).toMatchObject([{ fields: { path: sent }, message: "request.unavailable" }]);
});
