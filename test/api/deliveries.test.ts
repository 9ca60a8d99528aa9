import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { attemptUuid } from "../../src/valkey/queue/delivery-id.ts";
import type { DeliveryHeader } from "../../src/valkey/queue/item.ts";
import type { WebhookRecord } from "../../src/wire/webhook.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";
import { apiScene, asOwner, closeScenes, sceneWithoutValkey, type ApiScene } from "./api-scene.ts";
import { headerFor, keep, park, readyUuids, schedule } from "./deliveries-of-scene.ts";

afterAll(closeScenes);

const UUID = "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001";

let api: ApiScene;
let webhook: WebhookRecord;
let header: DeliveryHeader;
beforeEach(async () => {
  api = await apiScene();
  webhook = webhookRecord();
  await api.stores.webhooks.create(webhook);
  header = headerFor(webhook);
});

const redeliver = (uuid: string, scene = api) =>
  scene.call("POST", `/v1/deliveries/${uuid}/redeliver`);

describe("POST /v1/deliveries/:delivery_id/redeliver", () => {
  test("answers 202 with the UUID of the next attempt for a parked delivery", async () => {
    await park(api, header);
    const answer = await redeliver(attemptUuid(header));
    const [next] = await readyUuids(api);
    expect([answer.status, answer.body]).toEqual([202, { delivery_id: next }]);
    expect(next).not.toBe(attemptUuid(header));
  });

  test("answers 202 with the UUID of the attempt that a scheduled delivery waits for", async () => {
    await schedule(api, header);
    const answer = await redeliver(attemptUuid(header));
    expect([answer.status, answer.body]).toEqual([202, { delivery_id: attemptUuid(header) }]);
  });

  test("answers 202 for a delivery that has ended and is kept", async () => {
    await keep(api, header, "delivered", "an element");
    const answer = await redeliver(attemptUuid(header));
    const [next] = await readyUuids(api);
    expect([answer.status, answer.body]).toEqual([202, { delivery_id: next }]);
  });

  test.each<[string, () => Promise<unknown>, number, string]>([
    ["that nobody knows", async () => {}, 404, "not-found"],
    ["in flight", () => keep(api, header, "retry", null), 409, "in-flight"],
    [
      "of a disabled webhook",
      async () => {
        await park(api, header);
        await api.change(webhook.id, { enabled: false });
      },
      409,
      "webhook-disabled",
    ],
    ["whose body is not kept", () => keep(api, header, "delivered", null), 410, "gone"],
    [
      "of a deleted webhook",
      async () => {
        await park(api, header);
        await api.stores.webhooks.delete(webhook.id);
      },
      410,
      "gone",
    ],
  ])("refuses a delivery %s and redelivers nothing", async (_, put, status, kind) => {
    await put();
    const answer = await redeliver(attemptUuid(header));
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.body["type"]).toBe(`urn:fluxhook:problem:${kind}`);
    expect(await readyUuids(api)).toEqual([]);
  });

  test("says how to enable a disabled webhook", async () => {
    await park(api, header);
    await api.change(webhook.id, { enabled: false });
    const { body } = await redeliver(attemptUuid(header));
    expect(body["webhook_id"]).toBe(webhook.id);
    expect(body["detail"]).toContain(`POST /v1/webhooks/${webhook.id}/enable`);
  });

  test("knows only its own owner's deliveries with a scoped token", async () => {
    await park(api, header);
    const other = await apiScene({ prefix: api.prefix, identify: asOwner("user:u_2") });
    expect((await redeliver(attemptUuid(header), other)).status).toBe(404);
    expect(await readyUuids(api)).toEqual([]);
    const own = await apiScene({ prefix: api.prefix, identify: asOwner("user:u_1") });
    expect((await redeliver(attemptUuid(header), own)).status).toBe(202);
  });

  test.each(["x", "wh_1", UUID.slice(1), `${UUID}0`, UUID.replaceAll("-", ""), "%00"])(
    "answers 404 to the ill-formed id %p without Valkey",
    async (id) => {
      const down = await sceneWithoutValkey();
      expect((await redeliver(UUID, down)).status).toBe(503);
      expect((await redeliver(id, down)).status).toBe(404);
    },
  );
});

describe("GET /v1/deliveries/:delivery_id", () => {
  const read = (uuid: string, scene = api) => scene.call("GET", `/v1/deliveries/${uuid}`);
  const element = '{"user_id":"u_1","event":"file.created","data":{"big":12345678901234567890}}';
  const body = () =>
    `{"id":"${header.id}","event":"file.created","timestamp":"${header.timestamp}","data":{"big":12345678901234567890}}`;

  test("shows of an attempt that an earlier version kept its body, and nothing that it cannot know", async () => {
    header = { ...header, dialect: "fluxdrop" };
    await keep(api, header, "delivered", element);
    const answer = await read(attemptUuid(header));
    expect(answer.body).toMatchObject({
      delivery_id: attemptUuid(header),
      webhook_id: webhook.id,
      attempt: null,
      request: { headers: [], body: body(), body_missing: null },
      response: null,
      timing: null,
      failure: null,
      attempts: [],
      state: "ended",
      redeliver: { possible: true, why_not: null },
    });
  });

  test.each<[string, () => Promise<unknown>, object]>([
    [
      "scheduled",
      () => schedule(api, header),
      { state: "scheduled", redeliver: { possible: true, why_not: null } },
    ],
    [
      "parked",
      () => park(api, header),
      { state: "parked", parked_until: "2026-01-09T03:04:05.678Z", next_attempt_at: null },
    ],
    [
      "in flight",
      () => keep(api, header, "retry", null),
      {
        state: "in-flight",
        request: null,
        redeliver: { possible: false, why_not: "in-flight" },
      },
    ],
    [
      "ended without a body that is kept",
      () => keep(api, header, "delivered", null),
      { state: "ended", redeliver: { possible: false, why_not: "body-not-kept" } },
    ],
    [
      "parked of a disabled webhook",
      async () => {
        await park(api, header);
        await api.change(webhook.id, { enabled: false });
      },
      { state: "parked", redeliver: { possible: false, why_not: "webhook-disabled" } },
    ],
    [
      "ended of a deleted webhook",
      async () => {
        await keep(api, header, "delivered", element);
        await api.stores.webhooks.delete(webhook.id);
      },
      { state: "ended", redeliver: { possible: false, why_not: "webhook-deleted" } },
    ],
  ])(
    "says where a delivery is that is %s, and whether it can be redelivered",
    async (_, make, shown) => {
      await make();
      const answer = await read(attemptUuid(header));
      expect([answer.status, answer.body]).toEqual([200, expect.objectContaining(shown)]);
    },
  );

  test.each([UUID, "nonsense", "5F0C3A52-7D0E-4C7C-9D2B-0A2C8F4C0001"])(
    "answers 404 for %s, of which nothing is known",
    async (uuid) => {
      expect((await read(uuid)).status).toBe(404);
    },
  );

  test("answers 404 to another owner, and 503 without Valkey", async () => {
    await keep(api, header, "delivered", element);
    const other = await apiScene({ prefix: api.prefix, identify: asOwner("user:u_2") });
    expect((await read(attemptUuid(header), other)).status).toBe(404);
    expect((await read(UUID, await sceneWithoutValkey())).status).toBe(503);
  });

  test.each(["verify", "sign"])(
    "%s answers 410 where nothing is kept that could be signed",
    async (what) => {
      await keep(api, header, "delivered", null);
      const answer = await api.call("POST", `/v1/deliveries/${attemptUuid(header)}/${what}`);
      expect([answer.status, answer.body["type"]]).toEqual([410, "urn:fluxhook:problem:gone"]);
    },
  );
});
