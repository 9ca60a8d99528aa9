// GET /v1/search: one box for whatever its reader has at hand.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { attemptUuid } from "../../src/valkey/queue/delivery-id.ts";
import type { DeliveryHeader } from "../../src/valkey/queue/item.ts";
import type { WebhookRecord } from "../../src/wire/webhook.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";
import { apiScene, asOwner, closeScenes, faultyFields, type ApiScene } from "./api-scene.ts";
import { headerFor, keep, park, schedule } from "./deliveries-of-scene.ts";

afterAll(closeScenes);

let api: ApiScene;
let own: ApiScene;
let mine: WebhookRecord;
let theirs: WebhookRecord;
let parked: DeliveryHeader;
let recent: DeliveryHeader;
let scheduled: DeliveryHeader;
beforeAll(async () => {
  api = await apiScene();
  own = await apiScene({ prefix: api.prefix, identify: asOwner("user:u_1") });
  mine = webhookRecord({ url: "https://Hooks.acme.example/a", description: "Orders to the ERP" });
  theirs = webhookRecord({ user_id: "u_other", url: "https://hooks.acme.example/b" });
  for (const one of [mine, theirs]) await api.stores.webhooks.create(one);
  parked = headerFor(mine, { id: "evt_parked" });
  recent = headerFor(theirs, { id: "evt_recent" });
  scheduled = headerFor(mine, { id: "evt_scheduled" });
  await park(api, parked);
  await schedule(api, scheduled);
  await keep(api, recent, "delivered", "{}");
});

async function found(text: string, scene = api): Promise<unknown[]> {
  const { status, body } = await scene.call("GET", `/v1/search?q=${encodeURIComponent(text)}`);
  expect([status, body["partial"]]).toEqual([200, false]);
  return (body["found"] as Record<string, unknown>[]).map(
    ({ kind, webhook_id, delivery_id, user_id }) =>
      `${String(kind)} ${String(delivery_id ?? webhook_id ?? user_id)}`,
  );
}

test("finds a webhook by its id, a part of its URL or of its description, in any case", async () => {
  expect(await found(mine.id)).toEqual([`webhook ${mine.id}`]);
  expect(await found("hooks.ACME")).toEqual(
    expect.arrayContaining([`webhook ${mine.id}`, `webhook ${theirs.id}`]),
  );
  expect(await found(" orders to ")).toEqual([`webhook ${mine.id}`]);
  expect(await found("nowhere.example")).toEqual([]);
  // Too short to be a part.
  expect(await found("h")).toEqual([]);
});

test("finds an owner by its id, with its webhooks; by a part of the id the webhooks alone", async () => {
  expect(await found("u_other")).toEqual(["owner u_other", `webhook ${theirs.id}`]);
  expect(await found("_oth")).toEqual([`webhook ${theirs.id}`]);
  const { body } = await api.call("GET", "/v1/search?q=u_1");
  expect((body["found"] as unknown[])[0]).toEqual({
    kind: "owner",
    user_id: "u_1",
    webhooks: 1,
    attempts: 0,
  });
});

test("finds a delivery by an attempt's UUID, wherever it is, and a parked one by its event's id", async () => {
  const { body } = await api.call("GET", `/v1/search?q=${attemptUuid(scheduled)}`);
  expect(body["found"]).toEqual([
    {
      kind: "delivery",
      user_id: "u_1",
      webhook_id: mine.id,
      delivery_id: attemptUuid(scheduled),
      state: "scheduled",
      id: "evt_scheduled",
    },
  ]);
  expect(await found(attemptUuid(parked))).toEqual([`delivery ${attemptUuid(parked)}`]);
  expect(await found(attemptUuid(recent))).toEqual([`delivery ${attemptUuid(recent)}`]);
  expect(await found("evt_parked")).toEqual([`event ${attemptUuid(parked)}`]);
  expect(await found("00000000-0000-4000-8000-000000000000")).toEqual([]);
});

test("finds for an owner's token only what belongs to the owner", async () => {
  expect(await found("hooks.acme", own)).toEqual([`webhook ${mine.id}`]);
  expect(await found(theirs.id, own)).toEqual([]);
  expect(await found("u_other", own)).toEqual([]);
  expect(await found(attemptUuid(recent), own)).toEqual([]);
  expect(await found(attemptUuid(parked), own)).toEqual([`delivery ${attemptUuid(parked)}`]);
  expect(await found("evt_parked", own)).toEqual([`event ${attemptUuid(parked)}`]);
});

test("finds an event in the log of the owner who asks", async () => {
  await api.stores.logs.add("user:u_1", {
    delivery_id: "11111111-0000-4000-8000-000000000000",
    webhook_id: mine.id,
    id: "evt_logged",
    endpoint: "https://hooks.acme.example/a",
    event: "file.created",
    status_code: 204,
    duration_ms: 1,
    attempt: 1,
    outcome: "delivered",
    reason: null,
    next_attempt_at: null,
    timestamp: "2026-01-01T00:00:00.000Z",
  });
  const wanted = ["event 11111111-0000-4000-8000-000000000000"];
  expect(await found("evt_logged", own)).toEqual(wanted);
});

test("looks for parts in up to 2,000 webhooks, and says that there may be more", async () => {
  const many = await apiScene();
  for (let n = 0; n < 2_100; n += 1) {
    await many.stores.webhooks.create(webhookRecord({ user_id: `u_${n % 99}` }));
  }
  const all = await many.call("GET", "/v1/search?q=127.0.0.1");
  expect((all.body["found"] as unknown[]).length).toBe(20);
  expect(all.body["partial"]).toBe(true);
  const none = await many.call("GET", "/v1/search?q=nowhere.example");
  expect(none.body).toEqual({ found: [], partial: true });
});

test.each([
  ["", ["q"]],
  ["?q=", ["q"]],
  [`?q=${"x".repeat(257)}`, ["q"]],
  ["?q=a&kind=b", ["kind"]],
])("GET /v1/search%s is refused, and names the field", async (query, fields) => {
  const answer = await api.call("GET", `/v1/search${query}`);
  expect([answer.status, faultyFields(answer)]).toEqual([422, fields]);
});
