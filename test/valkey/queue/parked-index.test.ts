import { beforeEach, describe, expect, test } from "bun:test";
import type { DeliveryHeader } from "../../../src/valkey/queue/item.ts";
import { ParkedStore, type ParkedSelection } from "../../../src/valkey/queue/parked-store.ts";
import { ParkedIndexIncomplete } from "../../../src/valkey/connection/errors.ts";
import { indexFaults } from "../../support/parked-index.ts";
import { deliveryHeader, type TestQueue } from "./test-queue.ts";
import { useLab } from "./use-lab.ts";

const LIMITS = { maxDeliveries: 1_000, maxBytes: 10_000_000, ttlMs: 3_600_000 };

const lab = useLab();
let queue: TestQueue;
let store: ParkedStore;
beforeEach(async () => {
  queue = lab.queue();
  store = new ParkedStore(lab.link, queue.store.queue);
  await queue.join("w");
});

const OWNERS = ["user:u_1", "user:u_2", "org:u_1"] as const;
const REASONS = ["http-500", "timeout"];
const EVENTS = ["file.created", "file.deleted", undefined];

/** Returns the nth delivery, of three owners with two webhooks each, two reasons, and two event types or none. */
function nth(n: number): DeliveryHeader {
  const owner = OWNERS[n % 3]!;
  return deliveryHeader(n.toString(16).padStart(28, "0"), {
    owner,
    webhook_id: `wh_${owner.replace(":", "_")}_${n % 2}`,
    reason: REASONS[Math.floor(n / 2) % 2],
    event: EVENTS[Math.floor(n / 3) % 3],
  });
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => nth(from + i));

async function park(headers: readonly DeliveryHeader[]): Promise<void> {
  for (let i = 0; i < headers.length; i += 100) {
    const group = headers.slice(i, i + 100);
    await queue.push(...group.map(({ delivery }) => delivery));
    const claims = await queue.claim("w");
    await queue.store.settle(
      "w",
      claims.map((claim, at) => {
        const { delivery } = group[at]!;
        return { claim, settlement: { verb: "park", delivery, header: group[at]! } };
      }),
    );
  }
}

const text = (header: DeliveryHeader) => JSON.stringify(header);

/** Acts as a version without an index does. */
const older = {
  async park(headers: readonly DeliveryHeader[], atMs?: number): Promise<void> {
    const { parked, parkedItems, stats } = queue.store.keys;
    const [seconds] = await lab.redis.time();
    for (const header of headers) {
      const item = `0 e ${text(header)}\n${header.delivery}`;
      await lab.redis.hset(parkedItems, header.delivery, item);
      await lab.redis.zadd(parked, atMs ?? Number(seconds) * 1_000, header.delivery);
      await lab.redis.hincrby(stats, "parked_bytes", item.length);
    }
  },
  async redeliver(headers: readonly DeliveryHeader[]): Promise<void> {
    const names = headers.map(({ delivery }) => delivery);
    await lab.redis.hdel(queue.store.keys.parkedItems, ...names);
    await lab.redis.zrem(queue.store.keys.parked, ...names);
  },
};

const faults = () => indexFaults(lab.redis, queue.store.keys.base);

/** Returns the deliveries that match, newest first. */
async function listed(selection: ParkedSelection): Promise<string[]> {
  const walk = { order: "newest", after: null, max: 1_000 } as const;
  return (await store.walk(selection, walk)).found.map(({ header }) => header.delivery).toSorted();
}

const names = (headers: readonly DeliveryHeader[]) =>
  headers.map(({ delivery }) => delivery).toSorted();

const totals = async (...scopes: (string | null)[]) =>
  (await store.index.countsOf(scopes)).map((counts) =>
    counts.reduce((sum, { count }) => sum + count, 0),
  );

test("the index contains what is parked after parking, redelivery and sweeping, and no key of it remains at the end", async () => {
  await park(range(0, 60));
  expect(await faults()).toEqual([]);
  const again = range(0, 20).map((header) => ({ delivery: header.delivery, header: nth(99) }));
  await store.redeliver(again);
  expect(await faults()).toEqual([]);
  await store.sweep({ ...LIMITS, maxDeliveries: 15 });
  expect(await faults()).toEqual([]);
  await store.sweep({ ...LIMITS, maxDeliveries: 0 });
  await store.index.repair(1_000);
  expect(await queue.keysLike(":parked*")).toEqual([]);
});

test("parked deliveries are counted by reason and event type for the queue, an owner and a webhook", async () => {
  await park(range(0, 36));
  const [all, ofOwner, ofWebhook, ofNobody] = await store.index.countsOf([
    null,
    "user:u_2",
    "wh_user_u_2_1",
    "user:u_9",
  ]);
  const of = (headers: DeliveryHeader[]) => {
    const counts = new Map<string, number>();
    for (const { reason = "", event = "" } of headers) {
      counts.set(`${reason} ${event}`, (counts.get(`${reason} ${event}`) ?? 0) + 1);
    }
    return counts;
  };
  const asMap = (counts: typeof all) =>
    new Map(counts?.map(({ reason, event, count }) => [`${reason} ${event}`, count]));
  const parked = range(0, 36);
  expect(asMap(all)).toEqual(of(parked));
  expect(asMap(ofOwner)).toEqual(of(parked.filter(({ owner }) => owner === "user:u_2")));
  expect(asMap(ofWebhook)).toEqual(
    of(parked.filter(({ webhook_id }) => webhook_id === "wh_user_u_2_1")),
  );
  expect(ofNobody).toEqual([]);
  expect((await store.index.topWebhooks(3)).map(({ count }) => count)).toEqual([6, 6, 6]);
});

describe("a walk of parked deliveries", () => {
  test("finds what matches every part of its selection, and nothing else", async () => {
    const parked = range(0, 72);
    await park(parked);
    const parts: (keyof ParkedSelection)[] = ["owner", "webhookId", "reason", "event"];
    const all = {
      owner: "org:u_1",
      webhookId: "wh_org_u_1_0",
      reason: "timeout",
      event: EVENTS[1],
    };
    for (let mask = 0; mask < 16; mask += 1) {
      const chosen = parts.filter((_, i) => mask & (1 << i));
      const selection = Object.fromEntries(chosen.map((part) => [part, all[part]]));
      const matching = parked.filter(
        (header) =>
          (selection["owner"] ?? header.owner) === header.owner &&
          (selection["webhookId"] ?? header.webhook_id) === header.webhook_id &&
          (selection["reason"] ?? header.reason) === header.reason &&
          (selection["event"] ?? header.event) === header.event,
      );
      expect(matching.length).toBeGreaterThan(0);
      expect(await listed(selection)).toEqual(names(matching));
    }
  });

  test.each(["newest", "oldest"] as const)(
    "with the %s first and a limit stops at a position and continues from it",
    async (order) => {
      // All were parked within a millisecond or two.
      await park(range(0, 120));
      const selection = { reason: "timeout", event: "file.deleted" };
      const whole = await store.walk(selection, { order, after: null, max: 1_000 });
      expect(whole.stoppedAt).toBeNull();
      const seen: string[] = [];
      let after = null;
      let steps = 0;
      do {
        const part = await store.walk(selection, { order, after, max: 1_000, maxLookedAt: 7 });
        expect(part.found.length).toBeLessThanOrEqual(7);
        seen.push(...part.found.map(({ header }) => header.delivery));
        after = part.stoppedAt;
        steps += 1;
      } while (after !== null);
      expect(seen).toEqual(whole.found.map(({ header }) => header.delivery));
      expect(steps).toBeGreaterThan(5);
    },
  );

  test("skips items of other programs and returns those after them", async () => {
    const { parked, parkedItems } = queue.store.keys;
    await park(range(0, 2));
    for (const [i, item] of ["x", "0 e []\n", "0 e {\n", '0 e {"owner":1}\nx'].entries()) {
      await lab.redis.hset(parkedItems, `foreign${i}`, item);
      await lab.redis.zadd(parked, Date.now() + 1_000, `foreign${i}`);
    }
    expect(await listed({})).toEqual(names(range(0, 2)));
    expect(await listed({ owner: "user:u_1" })).toEqual(names([nth(0)]));
    expect(await totals("user:u_1", null)).toEqual([1, 6]);
  });
});

describe("when a version without an index runs at the same time", () => {
  test("deliveries that it parked are listed and counted by the next request", async () => {
    await older.park(range(0, 450));
    expect(await listed({ owner: "user:u_2" })).toEqual(
      names(range(0, 450).filter(({ owner }) => owner === "user:u_2")),
    );
    expect(await faults()).toEqual([]);
    await park(range(450, 460));
    await older.park(range(460, 470));
    expect(await totals("user:u_1", "user:u_2", "org:u_1", null)).toEqual([157, 157, 156, 470]);
    expect(await faults()).toEqual([]);
  });

  test("deliveries that it redelivered or swept are neither listed nor counted", async () => {
    await park(range(0, 300));
    await older.redeliver(range(0, 150));
    expect(await listed({ owner: "user:u_1" })).toEqual(
      names(range(150, 300).filter(({ owner }) => owner === "user:u_1")),
    );
    expect(await totals("user:u_1", null)).toEqual([50, 150]);
    expect(await faults()).toEqual([]);
    await older.redeliver(range(150, 300));
    expect(await totals("user:u_1", null)).toEqual([0, 0]);
    expect(await queue.keysLike(":parked*")).toEqual([]);
  });

  test("the heartbeat finds surplus entries even if the same number is missing", async () => {
    await park(range(0, 30));
    await store.index.complete();
    await older.redeliver(range(0, 10));
    // Parked with a clock that was behind, so that they are in front of the cursor.
    await older.park(range(30, 40), 1_000);
    await store.index.repair(1_000);
    expect(await faults()).toEqual([]);
  });

  test("deliveries that it parked with a clock that was behind are listed by the next request", async () => {
    await park(range(0, 30));
    await store.index.complete();
    await older.park(range(30, 40), 1_000);
    expect(await listed({ reason: "timeout" })).toEqual(
      names(range(0, 40).filter(({ reason }) => reason === "timeout")),
    );
  });

  test("a delivery that it parks in the current millisecond is listed, even in front of others of that millisecond", async () => {
    const atMs = Date.now() + 60_000;
    await older.park([nth(0), nth(20)], atMs);
    await store.index.complete();
    // As many as before: the totals are equal.
    await older.redeliver([nth(0)]);
    await older.park([nth(12)], atMs);
    expect(await listed({ owner: nth(12).owner })).toEqual([nth(12).delivery]);
  });

  test("deliveries after more than one chunk that it redelivered are listed", async () => {
    await park(range(0, 900));
    await older.redeliver(range(450, 900));
    expect(await listed({ owner: "user:u_1" })).toHaveLength(150);
  });

  test("hundreds of deliveries that it parked in one millisecond are all found", async () => {
    await older.park(range(0, 700), 1_700_000_000_000);
    // The last delivery that a step looked at is removed before the next step.
    await store.index.step();
    await older.redeliver(range(50, 150));
    expect(await totals(null)).toEqual([600]);
    expect(await faults()).toEqual([]);
  });

  test("an index that is not complete in time is reported as incomplete, and nothing is changed", async () => {
    await older.park(range(0, 450));
    const asked = store.index.complete({ maxWaitMs: 0 });
    expect(await asked.catch((error: unknown) => error)).toBeInstanceOf(ParkedIndexIncomplete);
    expect(await queue.places()).toMatchObject({ parked: { length: 450 } });
  });
});

describe("a key of a wrong type in the index", () => {
  const keys: [string, (q: TestQueue) => string][] = [
    ["parkedIndex", (q) => q.store.keys.parkedIndex],
    ["parkedIndexState", (q) => q.store.keys.parkedIndexState],
    ["parkedWebhooks", (q) => q.store.keys.parkedWebhooks],
    ["parkedOf an owner", (q) => q.store.keys.parkedOf("user:u_1")],
    ["parkedOf a webhook", (q) => q.store.keys.parkedOf("wh_user_u_1_0")],
    ["parkedOf a reason", (q) => q.store.keys.parkedOf("reason:http-500")],
    ["parkedOf an event type", (q) => q.store.keys.parkedOf("event:file.created")],
    ["parkedCounts of the queue", (q) => q.store.keys.parkedCounts(null)],
    ["parkedCounts of an owner", (q) => q.store.keys.parkedCounts("user:u_1")],
    ["parkedCounts of a webhook", (q) => q.store.keys.parkedCounts("wh_user_u_1_0")],
  ];

  test.each(keys)(
    "%s: deliveries are still parked and redelivered, and the error names the key",
    async (_, name) => {
      const key = name(queue);
      await park(range(0, 24));
      await lab.redis.set(key, "foreign");
      await park(range(24, 48));
      await store.redeliver([{ delivery: nth(0).delivery, header: nth(99) }]);
      await store.redeliver([{ delivery: nth(24).delivery, header: nth(98) }]);
      const { ready, parked } = await queue.places();
      expect([ready?.length, parked?.length]).toEqual([2, 46]);
      expect(await queue.keysLike(":claims:*")).toEqual([]);
      const error = await store.index.repair(1_000).catch((caught: unknown) => String(caught));
      expect(error).toContain(`WRONGTYPE the key ${key} is a string, not a `);
      expect(await lab.redis.get(key)).toBe("foreign");

      await lab.redis.del(key);
      expect((await totals(null, "user:u_1"))[0]).toBe(46);
      expect(await listed({ owner: "user:u_1", webhookId: "wh_user_u_1_0" })).toHaveLength(6);
      expect(await faults()).toEqual([]);
    },
  );

  test.each<[string, ParkedSelection, number]>([
    ["user:u_1", { owner: "user:u_1" }, 8],
    ["wh_user_u_1_0", { webhookId: "wh_user_u_1_0" }, 4],
    ["reason:http-500", { reason: "http-500" }, 12],
    ["event:file.created", { event: "file.created" }, 9],
  ])(
    "a walk notices that the set of %s was deleted, and the index is rebuilt",
    async (set, of, count) => {
      await park(range(0, 24));
      await lab.redis.del(queue.store.keys.parkedOf(set));
      expect(await listed(of)).toHaveLength(count);
      expect(await faults()).toEqual([]);
    },
  );

  test("wrong counts are noticed and rebuilt", async () => {
    await park(range(0, 24));
    await lab.redis.hincrby(queue.store.keys.parkedCounts("user:u_1"), "http-500\nfile.created", 5);
    expect(await totals("user:u_1", null)).toEqual([8, 24]);
    expect(await faults()).toEqual([]);
  });
});
