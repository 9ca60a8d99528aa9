import { beforeEach, expect, test } from "bun:test";
import { sharedKeys, type SharedKeys } from "../../../src/valkey/keys.ts";
import { Link } from "../../../src/valkey/connection/link.ts";
import { ValkeyUnavailable } from "../../../src/valkey/connection/errors.ts";
import { WebhookStore } from "../../../src/valkey/webhooks/webhook-store.ts";
import { WEBHOOKS_PER_OWNER } from "../../../src/wire/webhook.ts";
import { eventually } from "../../support/eventually.ts";
import { freshPrefix, ownValkey, testRedis } from "../../support/valkey.ts";
import { useLab } from "../queue/use-lab.ts";
import { webhookRecord } from "./webhook-records.ts";

const lab = useLab();
let keys: SharedKeys;
let store: WebhookStore;
beforeEach(() => {
  keys = sharedKeys(freshPrefix());
  store = new WebhookStore(lab.link, keys);
});

/** Returns the owners whose changes were announced, in order. */
const announced = async () =>
  (await lab.redis.xrange(keys.changes, "-", "+")).map(([, fields]) => fields[1]);

test("a webhook is found by its id and among its owner's, the oldest first", async () => {
  const [first, second] = [webhookRecord(), webhookRecord()];
  const ofOrg = webhookRecord({ org_id: "o_1" });
  for (const record of [second, first, ofOrg]) {
    expect(await store.create(record)).toEqual({ created: true });
  }
  expect(await store.get(first.id)).toEqual(first);
  expect(await store.list("user:u_1")).toEqual([first, second]);
  expect(await store.list("org:o_1")).toEqual([ofOrg]);
  expect(await store.list("org:u_1")).toEqual([]);
  expect(await store.get("wh_none")).toBeNull();
  expect(await announced()).toEqual(["user:u_1", "user:u_1", "org:o_1"]);
});

test("webhooks of several owners that are read together are returned to the right callers, even if one key has a wrong type", async () => {
  const [ofUser, ofOrg] = [webhookRecord(), webhookRecord({ org_id: "o_1" })];
  for (const record of [ofUser, ofOrg]) await store.create(record);
  await lab.redis.set(keys.webhooks("user:u_2"), "a text");
  const [user, wrong, org] = await Promise.allSettled([
    store.list("user:u_1"),
    store.list("user:u_2"),
    store.list("org:o_1"),
  ]);
  expect(user).toEqual({ status: "fulfilled", value: [ofUser] });
  expect(wrong).toEqual({
    status: "rejected",
    reason: expect.objectContaining({ message: expect.stringContaining("WRONGTYPE") }),
  });
  expect(org).toEqual({ status: "fulfilled", value: [ofOrg] });
});

test("an outage fails every pending read, even if it shows as an error reply", async () => {
  const valkey = await ownValkey();
  const link = new Link({ url: valkey.url, name: "busy", deadlineMs: 5_000 }).open();
  await link.whenUp();
  const others = await testRedis(valkey.url);
  await others.config("SET", "busy-reply-threshold", "1");
  const killer = await testRedis(valkey.url);
  const busy = others.eval("while true do end", 0).catch(String);
  await eventually(async () => (await killer.ping().catch(String)).includes("BUSY"));
  const asking = new WebhookStore(link, keys);
  const answers = await Promise.allSettled([asking.list("user:u_1"), asking.list("user:u_2")]);
  expect(answers.map((one) => one.status === "rejected" && one.reason)).toEqual([
    expect.any(ValkeyUnavailable),
    expect.any(ValkeyUnavailable),
  ]);
  await killer.call("SCRIPT", "KILL");
  expect(await busy).toContain("killed");
  for (const redis of [others, killer]) redis.disconnect();
  link.close();
  await valkey.stop();
});

test("an owner has at most one webhook for a url; another owner may have the same url", async () => {
  const first = webhookRecord();
  const second = webhookRecord({ url: first.url });
  await store.create(first);
  expect(await store.create(second)).toEqual({ created: false, why: "duplicate", id: first.id });
  expect(await store.get(second.id)).toBeNull();
  expect(await lab.redis.hexists(keys.webhookOwners, second.id)).toBe(0);
  const elsewhere = webhookRecord({ org_id: "o_1", url: first.url });
  expect(await store.create(elsewhere)).toEqual({ created: true });
});

test("an owner has at most a hundred webhooks, even if two are created at the same time for the last place", async () => {
  const records = Array.from({ length: WEBHOOKS_PER_OWNER - 1 }, () => webhookRecord());
  await Promise.all(records.map((record) => store.create(record)));
  const last = [webhookRecord(), webhookRecord()];
  const results = await Promise.all(last.map((record) => store.create(record)));
  expect(results).toContainEqual({ created: true });
  expect(results).toContainEqual({ created: false, why: "full" });
  expect(await store.list("user:u_1")).toHaveLength(WEBHOOKS_PER_OWNER);

  // Only new webhooks are refused.
  const [some] = records;
  const changed = await store.update(some!.id, (one) => ({ ...one, description: "changed" }));
  expect(changed.updated?.description).toBe("changed");
});

test("an update changes the record and is announced; one that changes nothing is not", async () => {
  const record = webhookRecord();
  await store.create(record);
  const { updated } = await store.update(record.id, (one) => ({ ...one, enabled: false }));
  expect(updated).toEqual({ ...record, enabled: false });
  expect(await store.get(record.id)).toEqual({ ...record, enabled: false });
  await store.update(record.id, (one) => one);
  expect(await announced()).toEqual(["user:u_1", "user:u_1"]);
});

test("updates at the same time are all applied", async () => {
  const record = webhookRecord();
  await store.create(record);
  const names = Array.from({ length: 10 }, (_, i) => `x-${i}`);
  await Promise.all(
    names.map((name) =>
      store.update(record.id, (one) => ({ ...one, headers: { ...one.headers, [name]: "1" } })),
    ),
  );
  expect(Object.keys((await store.get(record.id))!.headers).toSorted()).toEqual(names);
});

test("an update to another webhook's url is refused", async () => {
  const [first, second] = [webhookRecord(), webhookRecord()];
  await store.create(first);
  await store.create(second);
  const result = await store.update(second.id, (one) => ({ ...one, url: first.url }));
  expect(result).toEqual({ updated: null, why: "duplicate", id: first.id });
  expect(await store.get(second.id)).toEqual(second);
});

test("a deletion removes the webhook with its health, and is announced", async () => {
  const record = webhookRecord();
  await store.create(record);
  await lab.redis.hset(keys.health(record.id), "consecutive_failures", 3);
  expect(await store.delete(record.id)).toBeTrue();
  expect(await store.delete(record.id)).toBeFalse();
  expect(await store.get(record.id)).toBeNull();
  expect(await store.list("user:u_1")).toEqual([]);
  expect(await announced()).toEqual(["user:u_1", "user:u_1"]);
  const left = [keys.webhookOwners, keys.webhooks("user:u_1"), keys.health(record.id)];
  expect(await lab.redis.exists(...left)).toBe(0);
  expect(await store.update(record.id, (one) => one)).toEqual({ updated: null, why: "missing" });
});

test("an update during a deletion does not restore the webhook", async () => {
  const record = webhookRecord();
  await store.create(record);
  const result = await store.update(record.id, (one) => {
    // It is sent before the update's write, on the same connection.
    void lab.link.run((client) => client.hdel(keys.webhooks("user:u_1"), record.id));
    return { ...one, enabled: false };
  });
  expect(result).toEqual({ updated: null, why: "missing" });
  expect(await store.list("user:u_1")).toEqual([]);
});
