import { afterAll, describe, expect, test } from "bun:test";
import { identifyBy } from "../../src/api/auth/authenticate.ts";
import { SignedTokens } from "../../src/api/auth/signed-tokens.ts";
import { eventually } from "../support/eventually.ts";
import { apiScene, closeScenes, faultyFields, TOKEN, type Answer } from "./api-scene.ts";

afterAll(closeScenes);
const api = await apiScene();
const made = await api.call("POST", "/v1/tokens", { user_id: "u_1" });

/** Calls with a scoped token instead of the API token. */
function callAs(token: unknown, method: string, path: string, json?: unknown): Promise<Answer> {
  return api.call(method, path, json, { authorization: `Bearer ${String(token)}` });
}
const call = (method: string, path: string, json?: unknown) =>
  callAs(made.body["token"], method, path, json);

describe("POST /v1/tokens", () => {
  test("answers the token and when it expires: after an hour, or after the time that was asked for", async () => {
    expect(made.status).toBe(201);
    expect(Object.keys(made.body)).toEqual(["token", "id", "expires_at", "portal_url"]);
    // Each look at the clock moves it on by one second.
    const before = api.deps.now().getTime();
    const { body } = await api.call("POST", "/v1/tokens", { org_id: "o_1" });
    expect(Date.parse(String(body["expires_at"]))).toBe(before + 1_000 + 3_600_000);
    const short = await api.call("POST", "/v1/tokens", { org_id: "o_1", expires_in_s: 1 });
    expect(Date.parse(String(short.body["expires_at"]))).toBe(before + 2_000 + 1_000);
  });

  test.each<[string, unknown, string[]]>([
    ["no owner", {}, ["user_id"]],
    ["two owners", { user_id: "u_1", org_id: "o_1" }, ["user_id"]],
    ["an owner with braces", { user_id: "{u}" }, ["user_id"]],
    ["no time at all", { user_id: "u_1", expires_in_s: 0 }, ["expires_in_s"]],
    ["a fraction", { user_id: "u_1", expires_in_s: 1.5 }, ["expires_in_s"]],
    ["over 30 days", { user_id: "u_1", expires_in_s: 30 * 86_400 + 1 }, ["expires_in_s"]],
    ["another field", { user_id: "u_1", role: "api" }, ["role"]],
    ["an owner and the dashboard", { user_id: "u_1", dashboard: true }, ["user_id"]],
    ["the dashboard switched off", { dashboard: false }, ["dashboard"]],
    ["a dashboard token for ever", { dashboard: true, expires_in_s: null }, ["expires_in_s"]],
    ["a key without a name", { user_id: "u_1", expires_in_s: null }, ["name"]],
    ["an empty name", { user_id: "u_1", name: "" }, ["name"]],
    ["a name with a line feed", { user_id: "u_1", name: "a\nb" }, ["name"]],
    ["a long name", { user_id: "u_1", name: "n".repeat(101) }, ["name"]],
    [
      "a key that makes keys",
      { user_id: "u_1", name: "k", expires_in_s: null, api_keys: true },
      ["api_keys"],
    ],
    [
      "a read-only token that makes keys",
      { user_id: "u_1", read_only: true, api_keys: true },
      ["api_keys"],
    ],
  ])("refuses %s with 422", async (_, json, fields) => {
    const answer = await api.call("POST", "/v1/tokens", json);
    expect(answer.status).toBe(422);
    expect(faultyFields(answer)).toEqual(fields);
  });

  test("makes no token for a scoped token", async () => {
    expect((await call("POST", "/v1/tokens", { user_id: "u_1" })).status).toBe(404);
  });
});

describe("a scoped token", () => {
  test("implies its owner when it creates a webhook", async () => {
    const { status, body } = await call("POST", "/v1/webhooks", { url: "https://example.com/1" });
    expect([status, body["user_id"], body["org_id"]]).toEqual([201, "u_1", undefined]);
    const org = await api.call("POST", "/v1/tokens", { org_id: "o_1" });
    const theirs = await callAs(org.body["token"], "POST", "/v1/webhooks", {
      url: "https://example.com/1",
    });
    expect([theirs.body["user_id"], theirs.body["org_id"]]).toEqual([undefined, "o_1"]);
  });

  test("implies its owner when it lists webhooks", async () => {
    for (const query of ["", "?user_id=u_1", "?limit=5"]) {
      const { status, body } = await call("GET", `/v1/webhooks${query}`);
      expect(status).toBe(200);
      expect(body["webhooks"]).toMatchObject([{ user_id: "u_1" }]);
    }
    const headers = { authorization: `Bearer ${String(made.body["token"])}` };
    expect((await api.raw("/v1/webhooks", { method: "HEAD", headers })).status).toBe(200);
  });

  test("does not imply its owner if the request names another one", async () => {
    const url = "https://example.com/2";
    for (const other of [{ org_id: "o_1" }, { user_id: "u_2" }]) {
      expect((await call("POST", "/v1/webhooks", { url, ...other })).status).toBe(404);
      const query = Object.entries(other).flat().join("=");
      expect((await call("GET", `/v1/webhooks?${query}`)).status).toBe(404);
    }
    expect((await call("GET", "/v1/webhooks?user_id=")).status).toBe(422);
    expect((await call("POST", "/v1/webhooks", { url, user_id: null })).status).toBe(422);
  });

  test.each([["[]"], ["null"], ['"text"'], ["1"], ['[{"url":"https://example.com/"}]']])(
    "creates no webhook from the body %s",
    async (json) => {
      expect((await call("POST", "/v1/webhooks", json)).status).toBe(422);
    },
  );

  test("is needed to leave out the owner: with the API token a new webhook has to name one", async () => {
    expect((await api.call("POST", "/v1/webhooks", { url: "https://a.example/" })).status).toBe(
      422,
    );
  });

  test("is answered 401 and told that it has expired", async () => {
    const short = await api.call("POST", "/v1/tokens", { user_id: "u_1", expires_in_s: 1 });
    const answer = await callAs(short.body["token"], "GET", "/v1/webhooks");
    expect(answer.status).toBe(401);
    expect(answer.body["type"]).toBe("urn:fluxhook:problem:token-expired");
    expect(answer.headers.get("www-authenticate")).toBe(
      'Bearer realm="fluxhook", error="invalid_token", error_description="expired"',
    );
  });

  test("is told that it has expired however often a page sends it", async () => {
    const short = await api.call("POST", "/v1/tokens", { user_id: "u_1", expires_in_s: 1 });
    for (let n = 0; n < 15; n++) {
      expect((await callAs(short.body["token"], "GET", "/v1/webhooks")).status).toBe(401);
    }
  });

  test("is not taken for an API token with the same text in it", async () => {
    const identify = identifyBy({
      apiTokens: [TOKEN],
      tokens: new SignedTokens([TOKEN]),
      stores: api.deps.stores,
      now: () => new Date(0),
    });
    expect(await identify(`Bearer ${String(made.body["token"])}`)).toMatchObject({
      kind: "owner",
      owner: "user:u_1",
    });
    expect(await identify(`Bearer fht_${TOKEN}`)).toBe("wrong");
  });
});

describe("a portal's link", () => {
  test("is the address of the service with the token as its fragment, for at most a day", async () => {
    const portal = await apiScene({
      prefix: api.prefix,
      config: { hasPortal: true, publicUrl: "https://hooks.example.com/" },
    });
    const make = async (fields: object) => (await portal.call("POST", "/v1/tokens", fields)).body;
    const day = await make({ user_id: "u_1", expires_in_s: 86_400 });
    expect(day["portal_url"]).toBe(
      `https://hooks.example.com/portal#token=${String(day["token"])}`,
    );
    expect((await make({ user_id: "u_1", expires_in_s: 86_401 }))["portal_url"]).toBe(null);
    expect((await make({ dashboard: true }))["portal_url"]).toBe(null);
    const key = await make({ user_id: "u_1", expires_in_s: null, name: "k" });
    expect(key["portal_url"]).toBe(null);
  });

  test("begins with the address that the request was sent to, if no other is set", async () => {
    const portal = await apiScene({ prefix: api.prefix, config: { hasPortal: true } });
    const { body } = await portal.call("POST", "/v1/tokens", { org_id: "o_1" });
    expect(body["portal_url"]).toStartWith("http://localhost/portal#token=fht_");
  });

  test("is missing where the dashboard is off", () => {
    expect(made.body["portal_url"]).toBe(null);
  });
});

describe("a dashboard token", () => {
  test("reaches everything, and makes owners' tokens but no dashboard token", async () => {
    const { body } = await api.call("POST", "/v1/tokens", { dashboard: true, name: "Ada" });
    const ask = (method: string, path: string, json?: unknown) =>
      callAs(body["token"], method, path, json);
    expect((await ask("GET", "/v1/rejected")).status).toBe(200);
    expect((await ask("GET", "/v1/webhooks?user_id=u_2")).status).toBe(200);
    expect((await ask("POST", "/v1/tokens", { user_id: "u_1" })).status).toBe(201);
    expect((await ask("POST", "/v1/tokens", { dashboard: true })).status).toBe(404);
    expect((await ask("GET", "/v1/me")).body).toMatchObject({
      kind: "dashboard",
      name: "Ada",
      read_only: false,
      expires_at: body["expires_at"],
    });
  });

  test("lives for twelve hours unless it is told otherwise", async () => {
    const before = api.deps.now().getTime();
    const { body } = await api.call("POST", "/v1/tokens", { dashboard: true });
    expect(Date.parse(String(body["expires_at"]))).toBe(before + 1_000 + 43_200_000);
  });
});

describe("GET /v1/me", () => {
  test("answers what an owner's token is", async () => {
    expect((await call("GET", "/v1/me")).body).toEqual({
      kind: "owner",
      user_id: "u_1",
      name: null,
      read_only: false,
      api_keys: false,
      expires_at: made.body["expires_at"],
      version: "0.0.0-test",
    });
  });
});

describe("an API key", () => {
  const newKey = async (fields: object = {}) => {
    const input = { user_id: "u_k", name: "their server", expires_in_s: null, ...fields };
    return (await api.call("POST", "/v1/tokens", input)).body;
  };

  test("reaches what belongs to its owner, and does not expire", async () => {
    const key = await newKey();
    expect(key).toMatchObject({ expires_at: null, portal_url: null });
    const me = await callAs(key["token"], "GET", "/v1/me");
    expect(me.body).toMatchObject({ kind: "key", user_id: "u_k", name: "their server" });
    expect((await callAs(key["token"], "GET", "/v1/webhooks")).status).toBe(200);
    expect((await callAs(key["token"], "GET", "/v1/webhooks?user_id=u_1")).status).toBe(404);
    expect((await callAs(key["token"], "GET", "/v1/rejected")).status).toBe(404);
    expect((await callAs(key["token"], "POST", "/v1/tokens", { name: "k" })).status).toBe(404);
  });

  test("is listed without its text, with its name and its last use", async () => {
    const [theirs, other] = [await newKey({ org_id: "o_k", user_id: undefined }), await newKey()];
    const list = async () => (await api.call("GET", "/v1/tokens?org_id=o_k")).body["tokens"];
    expect(await list()).toEqual([
      {
        id: theirs["id"],
        name: "their server",
        org_id: "o_k",
        read_only: false,
        created_at: expect.any(String) as string,
        last_used_at: null,
      },
    ]);
    await callAs(theirs["token"], "GET", "/v1/me");
    await eventually(async () =>
      expect(await list()).toMatchObject([{ last_used_at: expect.any(String) as string }]),
    );
    const own = await callAs(theirs["token"], "GET", "/v1/tokens");
    expect(own.body["tokens"]).toMatchObject([{ id: theirs["id"] }]);
    expect(JSON.stringify(await list())).not.toContain(String(other["id"]));
    expect((await api.call("GET", "/v1/tokens")).status).toBe(422);
  });

  test("is refused as soon as it is revoked, on every replica, and the other keys are not", async () => {
    const replica = await apiScene({ prefix: api.prefix });
    const [key, other] = [await newKey(), await newKey()];
    const onReplica = (token: unknown) =>
      replica.call("GET", "/v1/webhooks", undefined, { authorization: `Bearer ${String(token)}` });
    expect((await onReplica(key["token"])).status).toBe(200);
    const path = `/v1/tokens/${String(key["id"])}`;
    // Another owner's token does not learn that it exists.
    expect((await call("DELETE", path)).status).toBe(404);
    expect((await callAs(other["token"], "DELETE", path)).status).toBe(204);
    expect((await onReplica(key["token"])).status).toBe(401);
    expect((await onReplica(other["token"])).status).toBe(200);
    expect((await api.call("DELETE", path)).status).toBe(404);
  });

  test("outlives a change of the API token", async () => {
    const key = await newKey();
    const changed = await apiScene({ prefix: api.prefix, config: { apiTokens: ["n".repeat(24)] } });
    const ask = (token: unknown) =>
      changed.call("GET", "/v1/me", undefined, { authorization: `Bearer ${String(token)}` });
    expect((await ask(key["token"])).status).toBe(200);
    expect((await ask(made.body["token"])).status).toBe(401);
  });

  test("is in Valkey only as a hash", async () => {
    const key = String((await newKey())["token"]);
    const stored = JSON.stringify(await api.redis.hgetall(api.stores.keys.apiKeys));
    expect(stored).toContain("their server");
    expect(stored).not.toContain(key.slice(-43));
  });

  test("of which an owner has twenty is refused", async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 21; n++) {
      const input = { user_id: "u_many", name: `k${n}`, expires_in_s: null };
      statuses.push((await api.call("POST", "/v1/tokens", input)).status);
    }
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 201), 409]);
  });

  test.each(["fhk_", "fhk_x", `fhk_${"a".repeat(24)}_${"b".repeat(43)}`])(
    "that does not exist is a wrong token: %s",
    async (text) => expect((await callAs(text, "GET", "/v1/me")).status).toBe(401),
  );

  test("of another secret is a wrong token, and so is one whose record was damaged", async () => {
    const key = await newKey();
    const text = String(key["token"]);
    expect((await callAs(`${text.slice(0, -43)}${"b".repeat(43)}`, "GET", "/v1/me")).status).toBe(
      401,
    );
    await api.redis.hset(api.stores.keys.apiKeys, String(key["id"]), '{"id":"x"}');
    expect((await callAs(text, "GET", "/v1/me")).status).toBe(401);
  });

  test("is made by an owner's token only if that may make keys, for its own owner alone", async () => {
    const maker = await api.call("POST", "/v1/tokens", { user_id: "u_m", api_keys: true });
    const make = (fields: object) =>
      callAs(maker.body["token"], "POST", "/v1/tokens", { name: "k", ...fields });
    const key = await make({ expires_in_s: null });
    expect(key.status).toBe(201);
    expect((await callAs(key.body["token"], "GET", "/v1/me")).body["user_id"]).toBe("u_m");
    expect((await make({ expires_in_s: null, user_id: "u_1" })).status).toBe(404);
    expect((await make({ expires_in_s: 60 })).status).toBe(404);
    expect((await make({})).status).toBe(404);
    expect((await call("POST", "/v1/tokens", { name: "k", expires_in_s: null })).status).toBe(404);
  });
});
