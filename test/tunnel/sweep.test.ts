// A session expires because its client no longer polls: its webhook is deleted too.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { sweepSessions } from "../../src/tunnel/sweep.ts";
import { sharedKeys } from "../../src/valkey/keys.ts";
import { Link } from "../../src/valkey/connection/link.ts";
import { TunnelStore } from "../../src/valkey/tunnel/tunnel-store.ts";
import { WebhookStore } from "../../src/valkey/webhooks/webhook-store.ts";
import { listenUrl } from "../../src/wire/tunnel.ts";
import { eventually } from "../support/eventually.ts";
import { freshPrefix, sharedValkey } from "../support/valkey.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";

let link: Link;
beforeAll(async () => {
  link = new Link({ url: (await sharedValkey()).url, name: "test", deadlineMs: 5_000 }).open();
  await link.whenUp();
});
afterAll(() => link.close());

const log = { debug() {}, info() {}, warn() {}, error: console.error };

function openStores(sessionTtlMs: number) {
  const prefix = freshPrefix();
  const store = new TunnelStore(link, prefix, { sessionTtlMs });
  const webhooks = new WebhookStore(link, sharedKeys(prefix));
  return { prefix, store, webhooks, sweep: () => sweepSessions({ store, webhooks, log }) };
}

test("a sweep deletes the webhook of a session that no client polls, and keeps that of a polled session", async () => {
  const { store, webhooks, sweep } = openStores(2_000);
  for (const id of ["left", "polled"]) {
    await store.create({ id, madeBy: "api", webhookId: `wh_${id}`, owner: "user:u_1" });
    await webhooks.create(webhookRecord({ id: `wh_${id}`, url: listenUrl(id) }));
  }
  await sweep();
  expect(await webhooks.get("wh_left")).not.toBeNull();

  await eventually(async () => {
    await store.poll("polled", "0-0", 0);
    await sweep();
    expect(await webhooks.get("wh_left")).toBeNull();
  });
  expect(await webhooks.get("wh_polled")).not.toBeNull();
  expect(await store.leftovers()).toEqual([]);
});

test("a sweep keeps a webhook whose owner has changed its url", async () => {
  const { store, webhooks, sweep } = openStores(20);
  await store.create({ id: "left", madeBy: "api", webhookId: "wh_left", owner: "user:u_1" });
  await webhooks.create(webhookRecord({ id: "wh_left", url: "https://example.com/" }));
  await eventually(async () => expect(await store.leftovers()).toHaveLength(1));
  await sweep();
  expect(await webhooks.get("wh_left")).not.toBeNull();
  expect(await store.leftovers()).toEqual([]);
});

test("a sweep deletes the webhook of a session of an earlier version too", async () => {
  const { store, webhooks, sweep, prefix } = openStores(60_000);
  await link.run((client) => client.hset(`${prefix}:listen-webhooks`, "old", "wh_old"));
  await link.run((client) => client.hset(`${prefix}:listen:{old}`, "made_by", "api"));
  await webhooks.create(webhookRecord({ id: "wh_old", url: listenUrl("old") }));
  await sweep();
  expect(await webhooks.get("wh_old")).not.toBeNull();
  await link.run((client) => client.del(`${prefix}:listen:{old}`));
  await sweep();
  expect(await webhooks.get("wh_old")).toBeNull();
  expect(await store.leftovers()).toEqual([]);
});
