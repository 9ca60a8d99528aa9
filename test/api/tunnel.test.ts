import { describe, expect, test } from "bun:test";
import { faultyFields, memoryApi, readAnswer } from "./memory-api.ts";

const PUBLIC_URL = "https://hooks.example.com/base/";

async function tokenFor(api: ReturnType<typeof memoryApi>, owner: object): Promise<string> {
  return String((await api.call("POST", "/v1/tokens", owner)).body["token"]);
}

async function callAs(
  api: ReturnType<typeof memoryApi>,
  token: string,
  method: string,
  path: string,
  json?: unknown,
) {
  const headers = new Headers({ authorization: `Bearer ${token}` });
  if (json !== undefined) headers.set("content-type", "application/json");
  return readAnswer(await api.raw(path, { method, headers, body: JSON.stringify(json) }));
}

describe("POST /v1/listen", () => {
  test("makes a URL that nobody guesses and a webhook that leads to the session only", async () => {
    const api = memoryApi({ publicUrl: PUBLIC_URL });
    const { status, body } = await api.call("POST", "/v1/listen", {
      user_id: "u_1",
      events: ["file.*"],
      dialect: "flux",
    });
    expect(status).toBe(201);
    expect(body["url"]).toBe(`https://hooks.example.com/base/l/${String(body["token"])}`);
    expect(body["token"]).toMatch(/^[A-Za-z0-9_-]{32}$/);
    const record = api.records.get(String(body["webhook_id"]));
    expect(record).toMatchObject({
      user_id: "u_1",
      url: `fluxhook-listen://${String(body["session"])}`,
      events: ["file.*"],
      dialect: "flux",
      timeout_ms: 30_000,
      disable_rule: null,
      enabled: true,
    });
    expect(body["secret"]).toBe(record?.secrets[0]?.secret);
    // The url is shown and logged: it must not lead to the token.
    expect(JSON.stringify(record)).not.toContain(String(body["token"]));
  });

  test("takes the address that was asked where no public one is set", async () => {
    const { body } = await memoryApi().call("POST", "/v1/listen", {});
    expect(body["url"]).toStartWith("http://localhost/l/");
  });

  test("makes no webhook where no owner is named, and the token's own is meant otherwise", async () => {
    const api = memoryApi();
    expect((await api.call("POST", "/v1/listen", {})).body).toMatchObject({
      webhook_id: null,
      secret: null,
    });
    expect(api.records.size).toBe(0);
    const scoped = await tokenFor(api, { org_id: "o_1" });
    const { body } = await callAs(api, scoped, "POST", "/v1/listen", {});
    expect(api.records.get(String(body["webhook_id"]))).toMatchObject({ org_id: "o_1" });
  });

  test.each<[string, object, string[]]>([
    ["two owners", { user_id: "u_1", org_id: "o_1" }, ["user_id"]],
    ["a pattern that is none", { user_id: "u_1", events: ["file*"] }, ["events.0"]],
    ["another dialect", { user_id: "u_1", dialect: "slack" }, ["dialect"]],
    ["another field", { user_id: "u_1", url: "https://example.com" }, ["url"]],
  ])("refuses %s", async (_, json, fields) => {
    const answer = await memoryApi().call("POST", "/v1/listen", json);
    expect([answer.status, faultyFields(answer)]).toEqual([422, fields]);
  });

  test("refuses another owner, and the eleventh session of one", async () => {
    const api = memoryApi();
    const scoped = await tokenFor(api, { user_id: "u_1" });
    const another = await callAs(api, scoped, "POST", "/v1/listen", { user_id: "u_2" });
    expect(another.status).toBe(404);
    for (let made = 0; made < 10; made += 1) {
      expect((await callAs(api, scoped, "POST", "/v1/listen", {})).status).toBe(201);
    }
    // Their webhooks do not count: the sessions do.
    api.records.clear();
    const eleventh = await callAs(api, scoped, "POST", "/v1/listen", {});
    expect([eleventh.status, eleventh.headers.get("retry-after")]).toEqual([429, "10"]);
    expect(eleventh.body["detail"]).toStartWith("an owner has at most 10 sessions");
    expect(api.records.size).toBe(0);
  });
});

describe("a session", () => {
  const answer = { id: "1-0", status: 200, headers: [], body: "" };
  const routes: [method: string, path: string, json?: unknown][] = [
    ["GET", "/requests?wait_ms=0"],
    ["POST", "/answers", answer],
    ["DELETE", ""],
  ];

  test("is only there for who made it: the API token's for no owner, an owner's for nobody else", async () => {
    const api = memoryApi();
    const own = await tokenFor(api, { user_id: "u_1" });
    const other = await tokenFor(api, { user_id: "u_2" });
    const byApi = await api.call("POST", "/v1/listen", { user_id: "u_1" });
    const byOwner = await callAs(api, own, "POST", "/v1/listen", {});
    const pathOf = (made: { body: Record<string, unknown> }) =>
      `/v1/listen/${String(made.body["session"])}`;
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
    expect(api.records.size).toBe(2);
    // A new token of the same owner goes on with it.
    const renewed = await tokenFor(api, { user_id: "u_1", expires_in_s: 60 });
    const polled = await callAs(api, renewed, "GET", `${pathOf(byOwner)}/requests?wait_ms=0`);
    expect([polled.status, polled.body]).toEqual([200, { requests: [], expired: 0 }]);
  });

  test("takes its webhook with it, unless that leads elsewhere by now", async () => {
    const api = memoryApi();
    for (const [url, left] of [
      [null, 0],
      ["https://example.com/", 1],
    ] as const) {
      const { body } = await api.call("POST", "/v1/listen", { user_id: "u_1" });
      const id = String(body["webhook_id"]);
      const record = api.records.get(id);
      if (record && url !== null) api.records.set(id, { ...record, url });
      const path = `/v1/listen/${String(body["session"])}`;
      expect((await api.call("DELETE", path)).status).toBe(204);
      expect(api.records.size).toBe(left);
      expect((await api.call("DELETE", path)).status).toBe(404);
    }
  });

  test.each([
    ["?after=x", ["after"]],
    ["?limit=101", ["limit"]],
    ["?wait_ms=60000", ["wait_ms"]],
  ])("refuses to be asked with %s", async (query, fields) => {
    const refused = await memoryApi().call("GET", `/v1/listen/s/requests${query}`);
    expect([refused.status, faultyFields(refused)]).toEqual([422, fields]);
  });
});
