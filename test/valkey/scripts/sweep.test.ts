import { afterAll, beforeAll, expect, test } from "bun:test";
import { ParkedStore } from "../../../src/valkey/queue/parked-store.ts";
import { deliveryHeader, named, QueueLab, type TestQueue } from "../queue/test-queue.ts";

const LIMITS = { maxDeliveries: 100, maxBytes: 1_000_000, ttlMs: 60_000 };

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

/** Parks elements; the first one is the oldest. */
async function park(queue: TestQueue, ...elements: string[]): Promise<ParkedStore> {
  await queue.join("w");
  await queue.push(...elements);
  for (const [i, claim] of (await queue.claim("w")).entries()) {
    const delivery = named(`d${i}`);
    await queue.settle(claim, { verb: "park", delivery, header: deliveryHeader(delivery) });
    await age(queue, delivery, 1_000 * (elements.length - i));
  }
  return new ParkedStore(lab.link, queue.store.queue);
}

async function age(queue: TestQueue, delivery: string, byMs: number): Promise<void> {
  const [seconds] = await lab.redis.time();
  await lab.redis.zadd(queue.store.keys.parked, Number(seconds) * 1000 - byMs, delivery);
}

test("a sweep drops and counts the oldest deliveries that exceed the maximum number", async () => {
  const queue = lab.queue();
  const parked = await park(queue, "a", "b", "c", "d");
  expect(await parked.sweep({ ...LIMITS, maxDeliveries: 2 })).toEqual({
    expired: 0,
    fallenOut: 2,
    left: 2,
  });
  expect((await queue.places()).parked?.toSorted()).toEqual(["c", "d"]);
  expect(await queue.ended()).toEqual({ parked: 4, dropped: 2 });
  expect(await parked.sweep({ ...LIMITS, maxDeliveries: 2 })).toMatchObject({ fallenOut: 0 });
});

test("a sweep drops the oldest deliveries that exceed the maximum bytes, even a single one", async () => {
  const queue = lab.queue();
  const parked = await park(queue, "a".repeat(5_000), "b".repeat(5_000), "c");
  expect(await parked.sweep({ ...LIMITS, maxBytes: 6_000 })).toMatchObject({ fallenOut: 1 });
  expect(await parked.sweep({ ...LIMITS, maxBytes: 300 })).toMatchObject({ fallenOut: 1 });
  expect(await queue.places()).toEqual({ parked: ["c"] });
  expect(await parked.sweep({ ...LIMITS, maxBytes: 10 })).toMatchObject({ left: 0 });
  expect(await lab.redis.hget(queue.store.keys.stats, "parked_bytes")).toBe("0");
});

test("deliveries older than the TTL expire, and are counted separately from dropped ones", async () => {
  const queue = lab.queue();
  const parked = await park(queue, "a", "b");
  await age(queue, "d0", LIMITS.ttlMs + 1_000);
  expect(await parked.sweep(LIMITS)).toEqual({ expired: 1, fallenOut: 0, left: 1 });
  expect(await queue.places()).toEqual({ parked: ["b"] });
  expect(await queue.ended()).toEqual({ parked: 2, expired: 1 });
});

test("a fanned-out event's bytes are removed with the last of its deliveries that is dropped", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("event");
  const headers = [deliveryHeader("d1"), deliveryHeader("d2")];
  await queue.settle(await queue.claimOne("w"), { verb: "fan", event: "e", headers });
  for (const [i, claim] of (await queue.claim("w")).entries()) {
    const delivery = named(`d${i + 1}`);
    await queue.settle(claim, { verb: "park", delivery, header: deliveryHeader(delivery) });
    await age(queue, delivery, 1_000 * (2 - i));
  }
  const parked = new ParkedStore(lab.link, queue.store.queue);
  const { events, refs } = queue.store.keys;

  await parked.sweep({ ...LIMITS, maxDeliveries: 1 });
  expect(await lab.redis.hget(events, "e")).toBe("event");
  await age(queue, "d2", LIMITS.ttlMs + 1_000);
  await parked.sweep(LIMITS);
  expect(await lab.redis.exists(events, refs)).toBe(0);
});

test("a heartbeat drops everything that exceeds the caps, in several steps, and counts it", async () => {
  const queue = lab.queue();
  const elements = Array.from({ length: 100 }, (_, i) => `element ${i}`);
  await queue.join("w");
  for (let round = 0; round < 5; round += 1) {
    await queue.push(...elements);
    for (const [i, claim] of (await queue.claim("w")).entries()) {
      const delivery = named(`d${round * 100 + i}`);
      await queue.settle(claim, { verb: "park", delivery, header: deliveryHeader(delivery) });
    }
  }
  const parked = new ParkedStore(lab.link, queue.store.queue);
  expect(await parked.upkeep({ ...LIMITS, maxDeliveries: 20 })).toEqual({ fallenOut: 480 });
  expect(await lab.redis.zcard(queue.store.keys.parked)).toBe(20);
});

test("a fanned-out event's bytes count for each of its parked deliveries", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("e".repeat(5_000));
  const [element] = await queue.claim("w");
  const headers = [deliveryHeader("d0"), deliveryHeader("d1")];
  await queue.settle(element!, { verb: "fan", event: "the-event", headers });
  for (const [i, claim] of (await queue.claim("w")).entries()) {
    await queue.settle(claim, {
      verb: "park",
      delivery: named(`d${i}`),
      header: deliveryHeader(`d${i}`),
    });
  }
  const parked = new ParkedStore(lab.link, queue.store.queue);
  expect(await parked.sweep({ ...LIMITS, maxBytes: 9_000 })).toMatchObject({ left: 1 });
  await parked.redeliver([{ delivery: named("d1"), header: deliveryHeader("d1") }]);
  await parked.redeliver([{ delivery: named("d0"), header: deliveryHeader("d0") }]);
  expect(await lab.redis.hget(queue.store.keys.stats, "parked_bytes")).toBe("0");
});
