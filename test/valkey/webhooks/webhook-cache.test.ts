import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { ChangeStream } from "../../../src/valkey/connection/change-stream.ts";
import { sharedKeys, type SharedKeys } from "../../../src/valkey/keys.ts";
import { WebhookCache } from "../../../src/valkey/webhooks/webhook-cache.ts";
import { WebhookStore } from "../../../src/valkey/webhooks/webhook-store.ts";
import type { OwnerRef } from "../../../src/wire/owner.ts";
import type { WebhookRecord } from "../../../src/wire/webhook.ts";
import { eventually } from "../../support/eventually.ts";
import { freshPrefix, ownValkey, sharedValkey } from "../../support/valkey.ts";
import { QueueLab } from "../queue/test-queue.ts";
import { webhookRecord } from "./webhook-records.ts";

const OWNER = "user:u_1";

let lab: QueueLab;
let keys: SharedKeys;
let store: WebhookStore;
const streams: ChangeStream[] = [];
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());
beforeEach(() => {
  keys = sharedKeys(freshPrefix());
  store = new WebhookStore(lab.link, keys);
});
afterEach(async () => {
  await Promise.all(streams.splice(0).map((stream) => stream.close()));
});

/** Opens a cache of descriptions; resolves when it follows the changes. */
async function open(
  options: {
    store?: WebhookStore;
    maxOwners?: number;
    url?: string;
    compile?: (record: WebhookRecord) => Promise<string>;
  } = {},
): Promise<{ cache: WebhookCache<string>; name: string; compiled: string[] }> {
  const name = freshPrefix();
  const compiled: string[] = [];
  const { url = (await sharedValkey()).url, ...others } = options;
  const changes = new ChangeStream({ url, name, key: keys.changes });
  const cache = new WebhookCache<string>({
    changes,
    store,
    compile: (record: WebhookRecord) => {
      compiled.push(record.description);
      return record.description;
    },
    ...others,
  });
  streams.push(changes.open());
  await eventually(() => isKept(cache, "user:nobody-else"));
  compiled.length = 0;
  return { cache, name, compiled };
}

/** Reads an owner; returns whether the result was cached, which it is only while the cache follows the changes. */
async function isKept(cache: WebhookCache<string>, owner: OwnerRef): Promise<boolean> {
  await cache.get(owner);
  return cache.peek(owner) !== null;
}

test("the cache reads an owner's webhooks once", async () => {
  const { cache, compiled } = await open();
  await store.create(webhookRecord({ description: "a" }));
  await store.create(webhookRecord({ description: "b" }));
  expect(cache.peek(OWNER)).toBeNull();
  const [one, two] = await Promise.all([cache.get(OWNER), cache.get(OWNER)]);
  expect(one).toEqual(["a", "b"]);
  expect(two).toBe(one);
  expect(cache.peek(OWNER)).toBe(one);
  expect(await cache.get(OWNER)).toBe(one);
  expect(compiled).toEqual(["a", "b"]);
});

// A change that is not announced takes effect after 30 s, longer than `eventually` waits.
test("creation, update and deletion of a webhook reach every other cache", async () => {
  const { cache: here } = await open();
  const { cache: there } = await open();
  const record = webhookRecord({ description: "a" });
  const seen = (expected: string[]) =>
    eventually(async () => {
      expect(await here.get(OWNER)).toEqual(expected);
      expect(await there.get(OWNER)).toEqual(expected);
    });

  await seen([]);
  await store.create(record);
  await seen(["a"]);
  await store.update(record.id, (one) => ({ ...one, description: "b" }));
  await seen(["b"]);
  await store.delete(record.id);
  await seen([]);
});

test("the cache remembers that an owner has no webhook, until one is created", async () => {
  const { cache } = await open();
  expect(await cache.get(OWNER)).toEqual([]);
  expect(cache.peek(OWNER)).toEqual([]);
  await store.create(webhookRecord({ description: "a" }));
  await eventually(() => cache.peek(OWNER) === null);
  expect(await cache.get(OWNER)).toEqual(["a"]);
});

test("a change of one owner leaves the others cached", async () => {
  const { cache } = await open();
  await cache.get(OWNER);
  await cache.get("org:o_1");
  await store.create(webhookRecord({ org_id: "o_1" }));
  await eventually(() => cache.peek("org:o_1") === null);
  expect(cache.peek(OWNER)).toEqual([]);
});

test("the cache keeps at most the maximum of owners and drops the one read longest ago", async () => {
  const { cache } = await open({ maxOwners: 3 });
  const owners = ["user:a", "user:b", "user:c", "user:d"] as const;
  for (const owner of owners) await cache.get(owner);
  expect(owners.map((owner) => cache.peek(owner) !== null)).toEqual([false, true, true, true]);
});

/** Returns what is stored, but only when the test allows it. */
class SlowStore extends WebhookStore {
  reads: { letGo: () => void }[] = [];

  override async list(owner: OwnerRef): Promise<WebhookRecord[]> {
    const records = await super.list(owner);
    if (owner === OWNER) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.reads.push({ letGo: resolve });
      await promise;
    }
    return records;
  }
}

test("a change that is announced while a webhook is compiled counts", async () => {
  const { promise: firstMayEnd, resolve: endFirst } = Promise.withResolvers<void>();
  const begun: string[] = [];
  const { cache } = await open({
    compile: async ({ description }) => {
      begun.push(description);
      if (description === "old") await firstMayEnd;
      return description;
    },
  });
  // Kept, and dropped by the same kind of announcement: then the cache has heard of the change.
  await cache.get("org:o_1");
  const record = webhookRecord({ description: "old" });
  await store.create(record);
  await eventually(() => cache.peek(OWNER) === null);
  const reading = cache.get(OWNER);
  await eventually(() => begun.length > 0);
  await store.update(record.id, (one) => ({ ...one, description: "new" }));
  await store.create(webhookRecord({ org_id: "o_1" }));
  await eventually(() => cache.peek("org:o_1") === null);
  endFirst();

  expect(await reading).toEqual(["new"]);
  expect(cache.peek(OWNER)).toEqual(["new"]);
});

test("a read during a change is repeated, and the old state is not cached", async () => {
  const slow = new SlowStore(lab.link, keys);
  const { cache } = await open({ store: slow });
  // Cached, and dropped by the same announcement: so the cache has received the change.
  await cache.get("org:o_1");
  const reading = cache.get(OWNER);
  await eventually(() => slow.reads.length === 1);
  await store.create(webhookRecord({ description: "new" }));
  await store.create(webhookRecord({ org_id: "o_1" }));
  await eventually(() => cache.peek("org:o_1") === null);

  slow.reads[0]!.letGo();
  await eventually(() => slow.reads.length === 2);
  slow.reads[1]!.letGo();

  expect(await reading).toEqual(["new"]);
  expect(cache.peek(OWNER)).toEqual(["new"]);
});

test("a lost connection empties the cache, because a change may have been missed", async () => {
  const { cache, name } = await open();
  await store.create(webhookRecord({ description: "a" }));
  await eventually(async () => expect(await cache.get(OWNER)).toEqual(["a"]));
  const clients = String(await lab.redis.call("CLIENT", "LIST"));
  const id = new RegExp(`id=(\\d+) .* name=${name} `).exec(clients)?.[1];
  // Removed without an announcement, as if it had come during the outage.
  await lab.redis.del(keys.webhooks(OWNER));
  expect(cache.peek(OWNER)).toEqual(["a"]);

  await lab.redis.call("CLIENT", "KILL", "ID", String(id));

  await eventually(() => cache.peek(OWNER) === null);
  expect(await cache.get(OWNER)).toEqual([]);
  await eventually(() => isKept(cache, OWNER));
});

test("the cache follows the changes again after a restart of Valkey", async () => {
  const valkey = await ownValkey();
  const own = await QueueLab.open(valkey.url);
  try {
    const ownStore = new WebhookStore(own.link, keys);
    const { cache } = await open({ url: valkey.url, store: ownStore });
    const record = webhookRecord({ description: "a" });
    await ownStore.create(record);
    await eventually(async () => expect(await cache.get(OWNER)).toEqual(["a"]));

    valkey.signal("SIGKILL");
    await valkey.exited;
    // From now on it gets no changes, so it caches nothing.
    await eventually(() => cache.peek(OWNER) === null);
    await valkey.restart();
    await own.link.whenUp();
    await eventually(() => isKept(cache, OWNER).catch(() => false));
    await ownStore.update(record.id, (one) => ({ ...one, description: "b" }));
    await eventually(async () => expect(await cache.get(OWNER)).toEqual(["b"]));
  } finally {
    own.close();
    await valkey.stop();
  }
});

test("while the cache does not follow the changes, a read is used once and not cached", async () => {
  const changes = new ChangeStream({
    url: "redis://127.0.0.1:1",
    name: "nowhere",
    key: keys.changes,
  });
  const cache = new WebhookCache<string>({
    changes,
    store,
    compile: (record) => record.description,
  });
  streams.push(changes.open());
  await store.create(webhookRecord({ description: "a" }));
  expect(await cache.get(OWNER)).toEqual(["a"]);
  expect(cache.peek(OWNER)).toBeNull();
});

test("more changes at once than the stream may still have empty the cache", async () => {
  const { cache } = await open();
  expect(await cache.get(OWNER)).toEqual([]);
  // One command, so that the cache reads them in one reply.
  await lab.redis.eval(
    `for i = 1, 1000 do redis.call('XADD', KEYS[1], '*', 'owner', 'user:x' .. i) end`,
    1,
    keys.changes,
  );
  await eventually(() => cache.peek(OWNER) === null);
});
