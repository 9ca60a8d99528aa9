import { afterAll, expect, test } from "bun:test";
import { newDeliveryName, ownerTag } from "../../src/valkey/queue/delivery-id.ts";
import { addRecent } from "../../src/valkey/history/recent-lists.ts";
import type { WebhookId } from "../../src/wire/ids.ts";
import type { OwnerRef } from "../../src/wire/owner.ts";
import { deliveryHeader } from "../valkey/queue/test-queue.ts";
import { dumpValkey } from "../support/dump-valkey.ts";
import { eventually } from "../support/eventually.ts";
import { apiScene, closeScenes, type ApiScene } from "./api-scene.ts";

afterAll(closeScenes);

const OWNERS = [
  { owner: "user:canary_u", field: { user_id: "canary_u" }, path: "/v1/users/canary_u" },
  { owner: "org:canary_u", field: { org_id: "canary_u" }, path: "/v1/orgs/canary_u" },
] as const;

const asToken = (token: unknown) => ({ authorization: `Bearer ${String(token)}` });

/** Everything that is kept of an owner. */
async function fill(api: ApiScene, owner: OwnerRef, field: object) {
  const { stores, redis, queue } = api;
  const made = await api.call("POST", "/v1/webhooks", { ...field, url: "https://example.com/a" });
  const id = String(made.body["id"]);
  await api.fail(id as WebhookId, 3);
  await stores.logs.add(owner, { webhook_id: id } as never);
  const header = deliveryHeader(newDeliveryName(ownerTag(owner)), {
    owner,
    webhook_id: id as never,
  });
  const kept = stores.bodies.entriesOf([{ header, outcome: "parked", element: Buffer.from("{}") }]);
  await addRecent(api.link, { size: 10, ttlMs: 60_000 }, [kept]);
  await stores.failures.add([
    {
      tag: ownerTag(owner),
      failures: [{ header, entry: { webhook_id: id } as never, element: Buffer.from("{}") }],
    },
  ]);
  const item = `0 e ${JSON.stringify(header)}\n{"of":"${owner}"}`;
  await redis.hset(`{${queue}}:parked-items`, header.delivery, item);
  await redis.zadd(`{${queue}}:parked`, Date.now(), header.delivery);
  const key = { ...field, name: `key of ${owner}`, expires_in_s: null };
  const apiKey = (await api.call("POST", "/v1/tokens", key)).body["token"];
  const token = (await api.call("POST", "/v1/tokens", field)).body["token"];
  await api.call("POST", "/v1/listen", field);
  return { apiKey, token };
}

/** The keys of this scene that hold a text. */
async function keysWith(api: ApiScene, text: string): Promise<string[]> {
  const ofScene = (await dumpValkey(api.redis)).filter(([key]) => key.includes(api.prefix));
  return ofScene
    .filter(([, held]) => held.includes(text))
    .map(([key]) => key.replace(api.prefix, "P"))
    .toSorted();
}

test.each(OWNERS)("DELETE $path leaves nothing of the owner, and all of others", async (one) => {
  const api = await apiScene();
  const { apiKey, token } = await fill(api, one.owner, one.field);
  const other = await fill(api, "user:other", { user_id: "other" });
  // A request completes the index of parked deliveries.
  await api.call("GET", "/v1/parked?user_id=other");
  const othersBefore = await keysWith(api, "other");
  const answer = await api.call("DELETE", one.path);
  expect([answer.status, answer.body]).toEqual([
    200,
    { webhooks: 2, parked: 1, api_keys: 1, sessions: 1 },
  ]);
  // The end of the owner's tokens, the audit; and the announcement that its webhooks have changed.
  const kind = one.owner.split(":")[0];
  expect(await keysWith(api, "canary")).toEqual([
    "P:audit",
    "P:changes",
    `P:tokens-ended:${kind}:canary_u`,
  ]);
  for (const gone of [apiKey, token]) {
    const { status } = await api.call("GET", "/v1/webhooks", undefined, asToken(gone));
    expect(status).toBe(401);
  }
  expect(await keysWith(api, "other")).toEqual(othersBefore);
  expect((await api.call("GET", "/v1/webhooks", undefined, asToken(other.token))).status).toBe(200);
  const { body } = await api.call("GET", "/v1/parked/summary");
  expect(body["total"]).toBe(1);
  const [entry] = (await api.call("GET", "/v1/audit?limit=1")).body["audit"] as object[];
  expect(entry).toMatchObject({ action: "owner.erased", details: { webhooks: 2 } });
});

test("an owner who comes back gets tokens that count", async () => {
  const api = await apiScene();
  await api.call("DELETE", "/v1/users/u_1");
  const { body } = await api.call("POST", "/v1/tokens", { user_id: "u_1" });
  expect((await api.call("GET", "/v1/me", undefined, asToken(body["token"]))).status).toBe(200);
});

test("an owner of whom nothing is kept is answered with zeros, again and again", async () => {
  const api = await apiScene();
  for (let n = 0; n < 2; n++) {
    const { status, body } = await api.call("DELETE", "/v1/users/nobody");
    expect([status, body]).toEqual([200, { webhooks: 0, parked: 0, api_keys: 0, sessions: 0 }]);
  }
});

test("a revoked owner's token is refused on another replica within a second", async () => {
  const api = await apiScene();
  const replica = await apiScene({ prefix: api.prefix });
  const { body } = await api.call("POST", "/v1/tokens", { user_id: "u_1" });
  const ask = () => replica.call("GET", "/v1/me", undefined, asToken(body["token"]));
  expect((await ask()).status).toBe(200);
  await api.call("DELETE", "/v1/users/u_1");
  await eventually(async () => expect((await ask()).status).toBe(401));
});

test("no owner's token erases anybody, itself neither", async () => {
  const api = await apiScene();
  const { body } = await api.call("POST", "/v1/tokens", { user_id: "u_1" });
  for (const path of ["/v1/users/u_1", "/v1/users/u_2", "/v1/orgs/u_1"]) {
    expect((await api.call("DELETE", path, undefined, asToken(body["token"]))).status).toBe(404);
  }
});
