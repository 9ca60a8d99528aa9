import type { WebhookId } from "../../src/wire/ids.ts";
import { afterAll, describe, expect, test } from "bun:test";
import { apiScene, closeScenes, faultyFields, type Answer, type ApiScene } from "./api-scene.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";

afterAll(closeScenes);

const PUBLIC_URL = "https://hooks.example.com/base/";

async function tokenFor(api: ApiScene, owner: object): Promise<string> {
  return String((await api.call("POST", "/v1/tokens", owner)).body["token"]);
}

function callAs(
  api: ApiScene,
  token: string,
  method: string,
  path: string,
  json?: unknown,
): Promise<Answer> {
  return api.call(method, path, json, { authorization: `Bearer ${token}` });
}

describe("POST /v1/listen", () => {
  test("creates a URL that nobody can guess, and a webhook that leads only to the session", async () => {
    const api = await apiScene({ config: { publicUrl: PUBLIC_URL } });
    const { status, body } = await api.call("POST", "/v1/listen", {
      user_id: "u_1",
      events: ["file.*"],
      dialect: "flux",
    });
    expect(status).toBe(201);
    expect(body["url"]).toBe(`https://hooks.example.com/base/l/${String(body["token"])}`);
    expect(body["token"]).toMatch(/^[A-Za-z0-9_-]{32}$/);
    const record = await api.webhook(String(body["webhook_id"]));
    expect(record).toMatchObject({
      user_id: "u_1",
      url: `fluxhook-listen://${String(body["session"])}`,
      events: ["file.*"],
      dialect: "flux",
      timeout_ms: 30_000,
      disable_rule: null,
      enabled: true,
    });
    expect(body["secret"]).toBe(record.secrets[0]?.secret);
    // The url is shown and logged, so the token must not follow from it.
    expect(JSON.stringify(record)).not.toContain(String(body["token"]));
  });

  test("begins the URL with the address of the request if no public URL is set", async () => {
    const { body } = await (await apiScene()).call("POST", "/v1/listen", {});
    expect(body["url"]).toStartWith("http://localhost/l/");
  });

  test("creates no webhook without an owner; a scoped token implies its own", async () => {
    const api = await apiScene();
    expect((await api.call("POST", "/v1/listen", {})).body).toMatchObject({
      webhook_id: null,
      secret: null,
    });
    expect(await api.webhookCount()).toBe(0);
    const scoped = await tokenFor(api, { org_id: "o_1" });
    const { body } = await callAs(api, scoped, "POST", "/v1/listen", {});
    expect(await api.webhook(String(body["webhook_id"]))).toMatchObject({ org_id: "o_1" });
  });

  test.each<[string, object, string[]]>([
    ["two owners", { user_id: "u_1", org_id: "o_1" }, ["user_id"]],
    ["an ill-formed pattern", { user_id: "u_1", events: ["file*"] }, ["events.0"]],
    ["another dialect", { user_id: "u_1", dialect: "slack" }, ["dialect"]],
    ["another field", { user_id: "u_1", url: "https://example.com" }, ["url"]],
  ])("refuses %s with 422", async (_, json, fields) => {
    const answer = await (await apiScene()).call("POST", "/v1/listen", json);
    expect([answer.status, faultyFields(answer)]).toEqual([422, fields]);
  });

  test("refuses another owner than the token's, and the eleventh session of one owner", async () => {
    const api = await apiScene();
    const scoped = await tokenFor(api, { user_id: "u_1" });
    const another = await callAs(api, scoped, "POST", "/v1/listen", { user_id: "u_2" });
    expect(another.status).toBe(404);
    for (let made = 0; made < 10; made += 1) {
      expect((await callAs(api, scoped, "POST", "/v1/listen", {})).status).toBe(201);
    }
    // The sessions count, not their webhooks.
    const webhooks = await api.stores.webhooks.list("user:u_1");
    for (const { id } of webhooks) await api.stores.webhooks.delete(id);
    const eleventh = await callAs(api, scoped, "POST", "/v1/listen", {});
    expect([eleventh.status, eleventh.headers.get("retry-after")]).toEqual([429, "10"]);
    expect(eleventh.body["detail"]).toStartWith("an owner has at most 10 sessions");
    expect(await api.webhookCount()).toBe(0);
  });

  test("ends the session again if its owner has as many webhooks as it may have", async () => {
    const api = await apiScene();
    for (let made = 0; made < 100; made += 1) {
      await api.stores.webhooks.create(webhookRecord({ user_id: "u_1" }));
    }
    const refused = await api.call("POST", "/v1/listen", { user_id: "u_1" });
    expect([refused.status, refused.body["type"]]).toEqual([
      409,
      "urn:fluxhook:problem:too-many-webhooks",
    ]);
    expect(await api.redis.keys(`{${api.prefix}:listen}:session:*`)).toEqual([]);
  });
});

describe("a session", () => {
  const answer = { id: "1-0", status: 200, headers: [], body: "" };
  const routes: [method: string, path: string, json?: unknown][] = [
    ["GET", "/requests?wait_ms=0"],
    ["POST", "/answers", answer],
    ["DELETE", ""],
  ];

  test("is reached only by who created it: the API token, or the scoped tokens of one owner", async () => {
    const api = await apiScene();
    const own = await tokenFor(api, { user_id: "u_1" });
    const other = await tokenFor(api, { user_id: "u_2" });
    const byApi = await api.call("POST", "/v1/listen", { user_id: "u_1" });
    const byOwner = await callAs(api, own, "POST", "/v1/listen", {});
    const pathOf = (made: Answer) => `/v1/listen/${String(made.body["session"])}`;
    for (const [method, path, json] of routes) {
      const asked = await Promise.all([
        callAs(api, own, method, pathOf(byApi) + path, json),
        callAs(api, other, method, pathOf(byOwner) + path, json),
        api.call(method, pathOf(byOwner) + path, json),
        api.call(method, `/v1/listen/nobodys${path}`, json),
      ]);
      const statuses = asked.map(({ status }) => status);
      expect({ method, path, statuses }).toEqual({ method, path, statuses: [404, 404, 404, 404] });
    }
    expect(await api.webhookCount()).toBe(2);
    // A new token of the same owner reaches it too.
    const renewed = await tokenFor(api, { user_id: "u_1", expires_in_s: 60 });
    const polled = await callAs(api, renewed, "GET", `${pathOf(byOwner)}/requests?wait_ms=0`);
    expect([polled.status, polled.body]).toEqual([200, { requests: [], expired: 0 }]);
  });

  test("is deleted with its webhook, unless that has another url by now", async () => {
    const api = await apiScene();
    for (const [url, left] of [
      [null, 0],
      ["https://example.com/", 1],
    ] as const) {
      const { body } = await api.call("POST", "/v1/listen", { user_id: "u_1" });
      const id = body["webhook_id"] as WebhookId;
      if (url !== null) await api.change(id, { url });
      const path = `/v1/listen/${String(body["session"])}`;
      expect((await api.call("DELETE", path)).status).toBe(204);
      expect(await api.webhookCount()).toBe(left);
      expect((await api.call("DELETE", path)).status).toBe(404);
    }
  });

  test.each([
    ["?after=x", ["after"]],
    ["?limit=101", ["limit"]],
    ["?wait_ms=60000", ["wait_ms"]],
  ])("is not polled with the query %s: it is refused with 422", async (query, fields) => {
    const refused = await (await apiScene()).call("GET", `/v1/listen/s/requests${query}`);
    expect([refused.status, faultyFields(refused)]).toEqual([422, fields]);
  });
});
