import { afterAll, describe, expect, test } from "bun:test";
import { identifyBy } from "../../src/api/auth/authenticate.ts";
import { ScopedTokens } from "../../src/api/auth/scoped-token.ts";
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
    expect(Object.keys(made.body)).toEqual(["token", "expires_at"]);
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
    expect(answer.body["detail"]).toContain("expired");
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
    const identify = identifyBy(TOKEN, new ScopedTokens(TOKEN), () => new Date(0));
    expect(await identify(`Bearer ${String(made.body["token"])}`)).toEqual({
      kind: "owner",
      owner: "user:u_1",
    });
    expect(await identify(`Bearer fht_${TOKEN}`)).toBe("wrong");
  });
});
