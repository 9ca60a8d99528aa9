import { afterAll, describe, expect, test } from "bun:test";
import { ACTIONS, NOT_NOTED } from "../../src/api/auth/audit.ts";
import { readApi } from "../support/api-operations.ts";
import { apiScene, closeScenes, TOKEN, type ApiScene } from "./api-scene.ts";

afterAll(closeScenes);

interface Entry {
  action: string;
  about: string | null;
  by: { kind: string; id: string | null; name: string | null };
  user_id?: string;
  details: Record<string, unknown>;
}

async function auditOf(api: ApiScene, query = "", token = TOKEN): Promise<Entry[]> {
  const headers = { authorization: `Bearer ${token}` };
  const { body } = await api.call("GET", `/v1/audit${query}`, undefined, headers);
  return body["audit"] as Entry[];
}

const asToken = (token: unknown) => ({ authorization: `Bearer ${String(token)}` });

/** A webhook of u_1, made by a named token of u_1. */
async function sceneWithWebhook() {
  const api = await apiScene();
  const made = await api.call("POST", "/v1/tokens", { user_id: "u_1", name: "portal of Eve" });
  const theirs = asToken(made.body["token"]);
  const input = { url: "https://example.com/a", secret: "whsec_" + btoa("canary".repeat(5)) };
  const { body } = await api.call("POST", "/v1/webhooks", input, theirs);
  return { api, theirs, token: made.body, id: String(body["id"]) };
}

describe("the audit", () => {
  test("says who created, changed, revealed, rotated, disabled and deleted a webhook", async () => {
    const { api, theirs, token, id } = await sceneWithWebhook();
    const path = `/v1/webhooks/${id}`;
    await api.call("PATCH", path, { description: "new", timeout_ms: 1_000 }, theirs);
    await api.call("GET", `${path}/secret`);
    await api.call("POST", `${path}/rotate-secret`, { grace_hours: 2 });
    await api.call("POST", `${path}/disable`, undefined, theirs);
    await api.call("DELETE", path);
    const entries = await auditOf(api);
    expect(entries.map(({ action }) => action)).toEqual([
      "webhook.deleted",
      "webhook.disabled",
      "webhook.secret_rotated",
      "webhook.secret_revealed",
      "webhook.changed",
      "webhook.created",
      "token.created",
    ]);
    expect(entries.slice(0, -1).every((one) => one.about === id && one.user_id === "u_1")).toBe(
      true,
    );
    const eve = { kind: "owner", id: token["id"], name: "portal of Eve" };
    const application = { kind: "api", id: "1", name: null };
    expect(entries.map(({ by }) => by) as object[]).toEqual([
      application,
      eve,
      application,
      application,
      eve,
      eve,
      application,
    ]);
    expect(entries[4]?.details).toEqual({ fields: ["description", "timeout_ms"] });
    expect(entries[2]?.details).toEqual({ grace_hours: 2 });
    expect(JSON.stringify(entries)).not.toContain("Y2FuYXJ5");
  });

  test("says nothing of what was refused, only looked at, or tried without effect", async () => {
    const { api, id } = await sceneWithWebhook();
    const before = (await auditOf(api)).length;
    await api.call("GET", `/v1/webhooks/${id}`);
    await api.call("PATCH", `/v1/webhooks/${id}`, { url: "no url" });
    await api.call("DELETE", "/v1/webhooks/wh_none");
    await api.call("POST", "/v1/parked/redeliver", { user_id: "u_1", dry_run: true });
    await api.call("PUT", "/v1/users/u_1/config?dry_run=true", { webhooks: [] });
    await api.call("POST", "/v1/events", { user_id: "u_1", event: "a", data: {} });
    expect(await auditOf(api)).toHaveLength(before);
  });

  test("has the counts of what was done to many", async () => {
    const { api } = await sceneWithWebhook();
    await api.call("POST", "/v1/parked/redeliver", { user_id: "u_1" });
    const { headers } = await api.call("GET", "/v1/users/u_1/config");
    const etag = { "if-match": String(headers.get("etag")) };
    await api.call("PUT", "/v1/users/u_1/config", { webhooks: [] }, etag);
    expect((await auditOf(api)).slice(0, 2)).toMatchObject([
      {
        action: "config.replaced",
        user_id: "u_1",
        details: { created: 0, changed: 0, deleted: 1 },
      },
      { action: "parked.redelivered", user_id: "u_1", details: { redelivered: 0 } },
    ]);
  });

  test("shows an owner what was done to its things, and no name of whoever operates the service", async () => {
    const { api, theirs, id } = await sceneWithWebhook();
    const ada = await api.call("POST", "/v1/tokens", { dashboard: true, name: "Ada" });
    await api.call("POST", `/v1/webhooks/${id}/disable`, undefined, asToken(ada.body["token"]));
    await api.call("POST", "/v1/webhooks", { user_id: "u_2", url: "https://example.com/b" });
    const { body, text } = await api.call("GET", "/v1/audit", undefined, theirs);
    expect((body["audit"] as Entry[]).map(({ action, by }) => [action, by.kind])).toEqual([
      ["webhook.disabled", "operator"],
      ["webhook.created", "owner"],
      ["token.created", "operator"],
    ]);
    expect(text).not.toContain("Ada");
    expect(text).not.toContain("u_2");
    expect((await api.call("GET", "/v1/audit?user_id=u_2", undefined, theirs)).status).toBe(404);
    expect((await auditOf(api))[1]?.by).toMatchObject({ kind: "dashboard", name: "Ada" });
  });

  test("is read in pages, of one owner or one kind of action", async () => {
    const { api, id } = await sceneWithWebhook();
    for (let n = 0; n < 5; n++) await api.call("POST", `/v1/webhooks/${id}/enable`);
    const seen: string[] = [];
    let cursor = "";
    do {
      const { body } = await api.call("GET", `/v1/audit?limit=2${cursor}`);
      seen.push(...(body["audit"] as { id: string }[]).map((entry) => entry.id));
      const next = body["next_cursor"] as string | null;
      cursor = next === null ? "" : `&cursor=${next}`;
    } while (cursor !== "");
    expect(new Set(seen).size).toBe(7);
    expect(await auditOf(api, "?action=webhook")).toHaveLength(6);
    expect(await auditOf(api, "?action=webhook.enabled&user_id=u_1")).toHaveLength(5);
    expect(await auditOf(api, "?action=webhook.enable")).toHaveLength(0);
    expect(await auditOf(api, "?user_id=u_2")).toHaveLength(0);
  });

  test("leaves out what another program put into its stream", async () => {
    const { api } = await sceneWithWebhook();
    await api.redis.xadd(api.stores.keys.audit, "*", "entry", "not json");
    await api.redis.xadd(api.stores.keys.audit, "*", "other", '{"action":1}');
    expect(await auditOf(api)).toHaveLength(2);
  });

  test("does not undo or refuse an action that it cannot note, and says so in the log", async () => {
    const { api, id } = await sceneWithWebhook();
    await api.redis.del(api.stores.keys.audit);
    await api.redis.set(api.stores.keys.audit, "a string");
    expect((await api.call("POST", `/v1/webhooks/${id}/disable`)).status).toBe(200);
    expect(api.logged).toMatchObject([
      {
        level: "error",
        fields: { action: "webhook.disabled", about: id },
        message: "audit.failed",
      },
    ]);
  });

  test("has a name for every route that changes something", async () => {
    const api = await apiScene();
    const { operations } = readApi(await (await api.raw("/openapi.json")).text());
    const nameless = operations
      .filter(({ isClosed, method, name }) => isClosed && method !== "GET" && !(name in ACTIONS))
      .map(({ name }) => name);
    const readsOnly = [
      "POST /v1/workflows/check",
      "POST /v1/check-url",
      "POST /v1/deliveries/{delivery_id}/verify",
    ];
    expect(nameless.filter((name) => !NOT_NOTED.has(name) && !readsOnly.includes(name))).toEqual(
      [],
    );
  });
});
