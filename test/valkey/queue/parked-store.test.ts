import type { DeliveryName } from "../../../src/wire/ids.ts";
import { beforeEach, expect, test } from "bun:test";
import { ParkedStore, type ParkedPosition } from "../../../src/valkey/queue/parked-store.ts";
import { deliveryHeader, named, type TestQueue } from "./test-queue.ts";
import { useLab } from "./use-lab.ts";

const lab = useLab();
let queue: TestQueue;
let store: ParkedStore;
beforeEach(async () => {
  queue = lab.queue();
  store = new ParkedStore(lab.link, queue.store.queue);
  await queue.join("w");
});

async function park(delivery: DeliveryName, element: string | Buffer = delivery): Promise<void> {
  await queue.push(element);
  const text = deliveryHeader(delivery, { reason: "timeout" });
  await queue.settle(await queue.claimOne("w"), { verb: "park", delivery, header: text });
}

async function schedule(delivery: DeliveryName, delayMs: number): Promise<void> {
  await queue.push(delivery);
  const settlement = {
    verb: "retry",
    delivery,
    delayMs,
    header: deliveryHeader(delivery),
  } as const;
  await queue.settle(await queue.claimOne("w"), settlement);
}

/** Parks a delivery at this millisecond. */
const parkedAt = (ms: number, delivery: string) => queue.parkedAt([ms, delivery]);

const newest = async (after: ParkedPosition | null, max: number) =>
  (await store.walk({}, { order: "newest", after, max })).found;

const names = async (...asked: Parameters<typeof newest>) =>
  (await newest(...asked)).map((one): string => one.header.delivery);

test("a parked delivery is listed and found with its header, without its bytes", async () => {
  await park(named("d1"), "x".repeat(1_000));
  const expected = deliveryHeader("d1", { reason: "timeout" });
  const [one] = await newest(null, 10);
  const at = Number(await lab.redis.zscore(queue.store.keys.parked, "d1"));
  const size = `0 e ${JSON.stringify(expected)}\n`.length + 1_000;
  expect(one).toEqual({ header: expected, parkedAtMs: at, size });
  expect(await store.find(named("d1"))).toEqual(expected);
  expect(await store.find(named("d2"))).toBeNull();
});

test("a scheduled delivery is found by its name; one that is neither scheduled nor parked is not found", async () => {
  await schedule(named("d1"), 60_000);
  expect(await store.findScheduled(named("d1"))).toEqual(deliveryHeader("d1"));
  expect(await store.find(named("d1"))).toBeNull();
  await park(named("d2"));
  expect(await store.findScheduled(named("d2"))).toBeNull();
});

test("the list is newest first, and a page starts after the last delivery of the page before", async () => {
  for (const [i, delivery] of ["d9", "d2", "d3", "d4"].map(named).entries()) {
    await park(delivery);
    // Two deliveries of the same millisecond.
    await parkedAt(1_000 + Math.min(i, 2), delivery);
  }
  expect(await names(null, 10)).toEqual(["d4", "d3", "d2", "d9"]);
  expect(await names(null, 1)).toEqual(["d4"]);
  expect(await names({ parkedAtMs: 1_002, delivery: named("d4") }, 10)).toEqual(["d3", "d2", "d9"]);
  expect(await names({ parkedAtMs: 1_002, delivery: named("d3") }, 1)).toEqual(["d2"]);
  // An older delivery comes after the cursor whatever its name.
  expect(await names({ parkedAtMs: 1_001, delivery: named("d2") }, 10)).toEqual(["d9"]);
  // The last delivery of the page may no longer be parked.
  expect(await names({ parkedAtMs: 1_002, delivery: named("d35") }, 1)).toEqual(["d3"]);
  expect(await names({ parkedAtMs: 1_000, delivery: named("d9") }, 10)).toEqual([]);
});

test("a scheduled delivery that is redelivered is due at once and otherwise unchanged", async () => {
  await schedule(named("d1"), 3_600_000);
  expect(await queue.claim("w")).toEqual([]);
  expect(await store.redeliver([{ delivery: named("d1"), header: null }])).toEqual(["scheduled"]);
  expect(await queue.claimOne("w")).toMatchObject({
    source: "due",
    header: { delivery: named("d1") },
    bytes: Buffer.from("d1"),
  });
});

test("redelivering a delivery that is overdue does not move it behind others", async () => {
  await schedule(named("d1"), 0);
  await lab.redis.zadd(queue.store.keys.schedule, 1_000, "d1");
  await store.redeliver([{ delivery: named("d1"), header: null }]);
  expect(await lab.redis.zscore(queue.store.keys.schedule, "d1")).toBe("1000");
});

test("redelivered parked deliveries run next in the given order with the same bytes, and no longer count as parked", async () => {
  const bytes = Buffer.from([0x7b, 0x00, 0xff, 0x0a, 0x7d]);
  await park(named("d1"), bytes);
  await park(named("d2"));
  const became = await store.redeliver([
    { delivery: named("d1"), header: deliveryHeader("n1") },
    { delivery: named("d2"), header: deliveryHeader("n2") },
  ]);
  expect(became).toEqual(["parked", "parked"]);
  const claims = await queue.claim("w");
  expect(claims).toMatchObject([
    { source: "ready", crashes: 0, header: { delivery: named("n1") }, bytes },
    { source: "ready", header: { delivery: named("n2") } },
  ]);
  expect(await newest(null, 10)).toEqual([]);
  expect(await lab.redis.hget(queue.store.keys.stats, "parked_bytes")).toBe("0");
  expect(await lab.redis.exists(queue.store.keys.parked, queue.store.keys.parkedItems)).toBe(0);
});

test("redelivering a delivery that is neither scheduled nor parked changes nothing", async () => {
  await park(named("d1"));
  await park(named("d2"));
  await store.redeliver([{ delivery: named("d2"), header: deliveryHeader("n2") }]);
  const before = await queue.dump();
  const became = await store.redeliver([
    { delivery: named("d2"), header: deliveryHeader("n2") },
    { delivery: named("d3"), header: deliveryHeader("n3") },
    { delivery: named("d1"), header: null },
  ]);
  expect(became).toEqual(["none", "none", "none"]);
  expect(await queue.dump()).toEqual(before);
});
