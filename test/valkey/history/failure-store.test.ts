import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { newDeliveryName, ownerTag } from "../../../src/valkey/queue/delivery-id.ts";
import {
  FailureStore,
  MAX_FAILURE_BYTES,
  type FailureToStore,
} from "../../../src/valkey/history/failure-store.ts";
import { sharedKeys, type SharedKeys } from "../../../src/valkey/keys.ts";
import type { LogEntry } from "../../../src/wire/log-entry.ts";
import type { WebhookId } from "../../../src/wire/ids.ts";
import { freshPrefix } from "../../support/valkey.ts";
import { deliveryHeader, QueueLab } from "../queue/test-queue.ts";

const SIZE = 3;
const TAG = ownerTag("user:u_1");

let lab: QueueLab;
let keys: SharedKeys;
let store: FailureStore;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());
beforeEach(() => {
  keys = sharedKeys(freshPrefix());
  store = new FailureStore(lab.link, keys, { size: SIZE, ttlMs: 60_000 });
});

let made = 0;

function failure(webhook_id: WebhookId, element: string | null = "kept"): FailureToStore {
  made += 1;
  const header = deliveryHeader(newDeliveryName(TAG), { webhook_id, attempt: made });
  return {
    header,
    entry: { delivery_id: `d-${made}` } as LogEntry,
    element: element === null ? null : Buffer.from(element),
  };
}

const write = (...failures: FailureToStore[]) => store.add([{ tag: TAG, failures }]);
const ids = async (webhook: WebhookId) =>
  (await store.ofWebhook(TAG, webhook)).map(({ entry }) => entry.delivery_id);
const idOf = ({ entry }: FailureToStore) => entry.delivery_id;
const fields = async () => lab.redis.hkeys(keys.failures(TAG));

test("the last failed attempts of each webhook are kept, newest first, with their element's exact text", async () => {
  const quiet = failure("wh_quiet", '{"n":12345678901234567890,"ü":"\u2028"}');
  await write(quiet);
  const busy = Array.from({ length: SIZE * 3 }, () => failure("wh_busy"));
  for (const one of busy) await write(one);
  expect(await ids("wh_busy")).toEqual(busy.slice(-SIZE).toReversed().map(idOf));
  expect(await store.ofWebhook(TAG, "wh_quiet")).toEqual([
    { header: quiet.header, entry: quiet.entry, element: String(quiet.element) },
  ]);
  expect(await store.ofDelivery(quiet.header.delivery)).toHaveLength(1);
});

test("an element is stored once for all attempts that have it, and goes with the last of them", async () => {
  const same = '{"event":"file.created"}';
  await write(failure("wh_a", same), failure("wh_b", same));
  await write(failure("wh_c", same), failure("wh_a", null));
  expect((await fields()).filter((field) => field.startsWith("b"))).toHaveLength(1);
  for (const webhook of ["wh_a", "wh_b", "wh_c"] as const) {
    expect((await store.ofWebhook(TAG, webhook)).at(-1)?.element).toBe(same);
  }
  for (const webhook of ["wh_a", "wh_b", "wh_c"] as const) {
    await write(...Array.from({ length: SIZE }, () => failure(webhook, null)));
  }
  expect((await fields()).filter((field) => field.startsWith("b"))).toEqual([]);
});

test("the failures of an owner have at most 256 KiB; the oldest go first", async () => {
  const webhooks = Array.from({ length: 12 }, (_, n): WebhookId => `wh_${n}`);
  const written: string[] = [];
  for (const webhook of webhooks) {
    for (let n = 0; n < SIZE; n += 1) {
      const one = failure(webhook, randomBytes(7_000).toString("hex"));
      await write(one);
      written.push(idOf(one));
    }
  }
  const values = await lab.redis.hgetall(keys.failures(TAG));
  const bytes = Object.entries(values)
    .filter(([name]) => name !== "index")
    .reduce((sum, [, value]) => sum + Buffer.byteLength(value), 0);
  expect(bytes).toBeLessThanOrEqual(MAX_FAILURE_BYTES);
  const kept = (await Promise.all(webhooks.map(ids))).flat();
  expect(kept.length).toBeGreaterThan(15);
  expect(new Set(kept)).toEqual(new Set(written.slice(-kept.length)));
});

test("an element of more than 16 KiB is not kept, its attempt is", async () => {
  await write(failure("wh_1", "x".repeat(16 * 1024 + 1)));
  expect((await store.ofWebhook(TAG, "wh_1"))[0]?.element).toBeNull();
});

test("failures have a TTL, and a key of another type costs only its own", async () => {
  const other = ownerTag("user:u_2");
  await lab.redis.set(keys.failures(other), "foreign");
  const unwritten = await store.add([
    { tag: other, failures: [failure("wh_x")] },
    { tag: TAG, failures: [failure("wh_1")] },
  ]);
  expect(unwritten).toEqual([keys.failures(other)]);
  expect(await ids("wh_1")).toHaveLength(1);
  expect(await lab.redis.pttl(keys.failures(TAG))).toBeGreaterThan(0);
});

test("what another program wrote into them is left out", async () => {
  const one = failure("wh_1");
  await write(one);
  const key = keys.failures(TAG);
  const index = (await lab.redis.hget(key, "index")) ?? "";
  await lab.redis.hset(key, { index: `nonsense\n7 wh_1 5 - 0\n${index}`, a7: "no JSON" });
  expect(await ids("wh_1")).toEqual([idOf(one)]);
});
