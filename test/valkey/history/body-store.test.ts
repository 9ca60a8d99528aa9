import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { newDeliveryName, ownerTag } from "../../../src/valkey/queue/delivery-id.ts";
import {
  BodyStore,
  type AttemptToStore,
  type StoredAttempt,
} from "../../../src/valkey/history/body-store.ts";
import { sharedKeys, type SharedKeys } from "../../../src/valkey/keys.ts";
import { addRecent } from "../../../src/valkey/history/recent-lists.ts";
import { freshPrefix } from "../../support/valkey.ts";
import { deliveryHeader, QueueLab } from "../queue/test-queue.ts";

const LIMITS = { size: 3, ttlMs: 60_000 };
const TAG = ownerTag("user:u_1");

let lab: QueueLab;
let keys: SharedKeys;
let store: BodyStore;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());
beforeEach(() => {
  keys = sharedKeys(freshPrefix());
  store = new BodyStore(lab.link, keys);
});

function attempt(fields: Partial<StoredAttempt> = {}, tag = TAG): StoredAttempt {
  const header = deliveryHeader(newDeliveryName(tag));
  return { header, outcome: "delivered", element: '{"data":{"n":1.0,"ü":"\u2028"}}', ...fields };
}

/** Writes attempts of one owner, as the attempt log does. */
function write(...attempts: readonly StoredAttempt[]): Promise<string[]> {
  const toKeep = attempts.map(({ element, ...rest }): AttemptToStore => ({
    ...rest,
    element: element === null ? null : Buffer.from(element),
  }));
  return addRecent(lab.link, LIMITS, [store.entriesOf(toKeep)]);
}

test("an attempt is found by its delivery, with the element's exact text", async () => {
  const [first, second] = [attempt(), attempt()];
  await write(first, second);
  expect(await store.find(first.header.delivery)).toEqual(first);
  expect(await store.find(second.header.delivery)).toEqual(second);
  expect(await store.find(newDeliveryName(TAG))).toBeNull();
});

test("the last of several attempts of a delivery is found", async () => {
  const failed = attempt({ outcome: "retry", element: null });
  const header = { ...failed.header, attempt: 2 };
  const delivered = attempt({ header });
  await write(failed);
  await write(delivered);
  expect(await store.find(failed.header.delivery)).toEqual(delivered);
});

test("an owner's last attempts are stored, with a TTL", async () => {
  const attempts = Array.from({ length: LIMITS.size + 1 }, () => attempt());
  for (const one of attempts) await write(one);
  const found = await Promise.all(attempts.map(({ header }) => store.find(header.delivery)));
  expect(found).toEqual([null, ...attempts.slice(1)]);
  const ttlMs = await lab.redis.pttl(keys.bodies(TAG));
  expect(ttlMs).toBeGreaterThan(0);
  expect(ttlMs).toBeLessThanOrEqual(LIMITS.ttlMs);
});

test("an owner's attempts do not displace another owner's", async () => {
  const otherTag = ownerTag("org:u_1");
  const mine = attempt();
  const others = Array.from({ length: LIMITS.size }, () => attempt({}, otherTag));
  await write(mine);
  await write(...others);
  expect(await store.find(mine.header.delivery)).toEqual(mine);
});
