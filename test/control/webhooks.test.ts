import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { WebhookControl } from "../../src/control/webhooks.ts";
import { queueKeys } from "../../src/valkey/keys.ts";
import { webhookCreateSchema, type WebhookRecord } from "../../src/wire/webhook.ts";
import { apiScene, closeScenes, type ApiScene } from "../api/api-scene.ts";

afterAll(closeScenes);

const SESSION = "Zk3vJ8kQm2ZpXr6Tn0YbLcW9";
const DENIED = "https://10.0.0.1/";

let scene: ApiScene;
let control: WebhookControl;
let webhook: WebhookRecord;
beforeEach(async () => {
  scene = await apiScene();
  control = scene.deps.stores.webhooks;
  webhook = await created("https://example.com/hooks");
});

async function created(url: string, fields: { enabled?: boolean } = {}): Promise<WebhookRecord> {
  const input = webhookCreateSchema.parse({ user_id: "u_1", url, ...fields });
  const result = await control.create(input);
  if (!result.created) throw new Error(`not created: ${result.why}`);
  return result.record;
}

const pauseOf = (id: string) => scene.redis.zscore(queueKeys(scene.queue).paused, id);

describe("a webhook's url", () => {
  test("is checked when the webhook is created, and a denied one is not stored", async () => {
    const input = webhookCreateSchema.parse({ user_id: "u_1", url: DENIED });
    expect(await control.create(input)).toMatchObject({
      created: false,
      why: "invalid",
      errors: [
        {
          field: "url",
          code: "blocked_address",
          message: expect.stringContaining("10.0.0.1"),
        },
      ],
    });
    expect(await scene.webhookCount()).toBe(1);
  });

  test("is checked when it is changed, and a denied one changes nothing", async () => {
    const result = await control.update(webhook, { url: DENIED, description: "new" });
    expect(result).toMatchObject({ updated: null, why: "invalid" });
    expect(await scene.webhook(webhook.id)).toEqual(webhook);
  });

  test("is not checked again when a patch repeats it", async () => {
    await scene.change(webhook.id, { url: DENIED });
    const stored = await scene.webhook(webhook.id);
    const { updated } = await control.update(stored, { url: DENIED, description: "new" });
    expect(updated).toMatchObject({ description: "new" });
  });

  test("ends the pause of the receiver when it changes, and only then", async () => {
    await scene.stores.pauses.pause(webhook.id, 60_000);
    await control.update(webhook, { description: "new", url: webhook.url });
    expect(await pauseOf(webhook.id)).not.toBeNull();
    await control.update(webhook, { url: "https://example.com/other" });
    expect(await pauseOf(webhook.id)).toBeNull();
  });
});

describe("enabling a webhook", () => {
  test.each<[string, (read: WebhookRecord) => Promise<unknown>]>([
    ["by itself", ({ id }) => control.enable(id)],
    ["by a patch", (read) => control.update(read, { enabled: true })],
  ])("%s forgets its failures and ends its pause", async (_, enable) => {
    await control.disable(webhook.id);
    await scene.fail(webhook.id, 9);
    await scene.stores.pauses.pause(webhook.id, 60_000);
    await enable(await scene.webhook(webhook.id));
    expect(await scene.webhook(webhook.id)).toMatchObject({ enabled: true, disabled_reason: null });
    expect(await control.health([webhook.id])).toMatchObject([{ consecutive_failures: 0 }]);
    expect(await pauseOf(webhook.id)).toBeNull();
  });

  test("keeps the failures and the pause of a webhook that a patch finds enabled", async () => {
    await scene.fail(webhook.id, 9);
    await scene.stores.pauses.pause(webhook.id, 60_000);
    await control.update(webhook, { enabled: true });
    expect(await control.health([webhook.id])).toMatchObject([{ consecutive_failures: 9 }]);
    expect(await pauseOf(webhook.id)).not.toBeNull();
  });
});

describe("disabling a webhook", () => {
  test("gives the reason manual, and keeps its failures", async () => {
    await scene.fail(webhook.id, 9);
    await control.disable(webhook.id);
    expect(await scene.webhook(webhook.id)).toMatchObject({
      enabled: false,
      disabled_reason: "manual",
    });
    expect(await control.health([webhook.id])).toMatchObject([{ consecutive_failures: 9 }]);
  });

  test("is possible when it is created", async () => {
    const record = await created("https://example.com/off", { enabled: false });
    expect(record).toMatchObject({ enabled: false, disabled_reason: "manual" });
  });
});

describe("a temporary webhook", () => {
  const input = { user_id: "u_1", events: ["*"], dialect: "fluxdrop" } as const;
  const make = () =>
    control.createTemporary(
      { ...input, events: [...input.events] },
      { id: "wh_t", session: SESSION },
    );

  test("sends to the session, is never disabled for failures, and waits as long as it may", async () => {
    expect(await make()).toMatchObject({ created: true });
    expect(await scene.webhook("wh_t")).toMatchObject({
      url: `fluxhook-listen://${SESSION}`,
      disable_rule: null,
      timeout_ms: 30_000,
      enabled: true,
    });
  });

  test("is deleted with its session, and only with that one", async () => {
    await make();
    await control.deleteTemporary("wh_t", "another");
    expect(await control.get("wh_t")).not.toBeNull();
    await control.deleteTemporary("wh_t", SESSION);
    expect(await control.get("wh_t")).toBeNull();
  });

  test("stays when its user has given it another url", async () => {
    await make();
    const { updated } = await control.update(await scene.webhook("wh_t"), {
      url: "https://example.com/mine",
    });
    expect(updated).not.toBeNull();
    await control.deleteTemporary("wh_t", SESSION);
    expect(await control.get("wh_t")).not.toBeNull();
  });
});

test("rotating the secret of an unknown webhook changes nothing", async () => {
  expect(await control.rotate("wh_none", { graceMs: 0 })).toEqual({
    updated: null,
    why: "missing",
  });
});
