import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Settlement } from "../../../src/valkey/queue/settlement.ts";
import { CUT, deliveryHeader, named, QueueLab, type TestQueue } from "../queue/test-queue.ts";

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

const DONE: Settlement = { verb: "done", ending: "delivered" };
const RETRY: Settlement = {
  verb: "retry",
  delivery: named("d1"),
  delayMs: 60_000,
  header: deliveryHeader("d1"),
};
const PARK: Settlement = {
  verb: "park",
  delivery: named("d1"),
  header: deliveryHeader("d1", { reason: "gone" }),
};
const LANE: Settlement = { verb: "lane", webhookId: "wh_1", header: deliveryHeader("d1") };
const FAN: Settlement = {
  verb: "fan",
  event: "e",
  headers: [deliveryHeader("d1"), deliveryHeader("d2")],
};
const BACK_TO_READY: Settlement = { verb: "back", header: deliveryHeader("d1", { runs: 1 }) };
const BACK_TO_LIST: Settlement = { verb: "back", header: null };

/** The place to which each verb moves an element, and what it counts as ended. */
const VERBS: {
  verb: string;
  settlement: Settlement;
  places: Record<string, string[]>;
  ended: Record<string, number>;
}[] = [
  { verb: "done", settlement: DONE, places: {}, ended: { delivered: 1 } },
  { verb: "retry", settlement: RETRY, places: { schedule: ["a"] }, ended: {} },
  { verb: "park", settlement: PARK, places: { parked: ["a"] }, ended: { parked: 1 } },
  { verb: "lane", settlement: LANE, places: { lane: ["a"] }, ended: {} },
  { verb: "fan", settlement: FAN, places: { ready: ["d1", "d2"] }, ended: {} },
  { verb: "back", settlement: BACK_TO_READY, places: { ready: ["a"] }, ended: {} },
  { verb: "back to the list", settlement: BACK_TO_LIST, places: { list: ["a"] }, ended: {} },
];

async function claimed(element = "a"): Promise<{ queue: TestQueue; number: string }> {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push(element);
  return { queue, number: (await queue.claimOne("w")).number };
}

const settleAs = (queue: TestQueue, worker: string, number: string, settlement: Settlement) =>
  queue.store.settle(worker, [{ claim: { number }, settlement }]);

describe.each(VERBS)("$verb", ({ settlement, places, ended }) => {
  test("moves a claim to exactly one place once, even if it is sent again", async () => {
    const { queue, number } = await claimed();

    expect(await settleAs(queue, "w", number, settlement)).toEqual([true]);

    expect(await queue.places()).toEqual(places);
    expect(await queue.ended()).toEqual(ended);
    const once = await queue.dump();
    expect(await settleAs(queue, "w", number, settlement)).toEqual([false]);
    expect(await queue.dump()).toEqual(once);
  });

  // The fence: guarantee 2 allows a second request, not a second ending.
  test("changes nothing for a late worker after a takeover", async () => {
    const { queue, number } = await claimed();
    await queue.join("heir");
    await queue.expireLease("w");
    await queue.store.takeOver("w", 10_000);
    const [again] = await queue.claim("heir");
    const before = await queue.dump();

    expect(await settleAs(queue, "w", number, settlement)).toEqual([false]);

    expect(await queue.dump()).toEqual(before);
    expect(await settleAs(queue, "heir", again!.number, settlement)).toEqual([true]);
    expect(await queue.places()).toEqual(places);
  });

  test("settles an element that is only in memory, with the bytes of the request", async () => {
    const queue = lab.queue();
    const claim = { number: "", bytes: Buffer.from("a") };
    expect(await queue.store.settle(null, [{ claim, settlement }])).toEqual([true]);
    expect(await queue.places()).toEqual(places);
    expect(await queue.ended()).toEqual(ended);
  });
});

test("a group settles each of its entries and returns which were held", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", "b", "c");
  const [a, b, c] = await queue.claim("w");
  await queue.settle(b!, DONE);

  const held = await queue.store.settle("w", [
    { claim: a!, settlement: { verb: "done", ending: "nobody" } },
    { claim: b!, settlement: DONE },
    { claim: c!, settlement: LANE },
    { claim: { number: "99" }, settlement: DONE },
  ]);

  expect(held).toEqual([true, false, true, false]);
  expect(await queue.places()).toEqual({ lane: ["c"] });
  expect(await queue.ended()).toEqual({ delivered: 1, nobody: 1 });
});

test("a settlement that fails half-way leaves the claim held", async () => {
  const { queue, number } = await claimed();
  await lab.redis.set(queue.store.keys.schedule, "no sorted set");

  expect(settleAs(queue, "w", number, RETRY)).rejects.toThrow(/^WRONGTYPE/);

  await lab.redis.del(queue.store.keys.schedule);
  expect(await settleAs(queue, "w", number, RETRY)).toEqual([true]);
  expect(await queue.places()).toEqual({ schedule: ["a"] });
});

test("a retry resets the crashes; an item that goes back or to a lane keeps them", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", "b", "c");
  for (const { number } of await queue.claim("w")) await queue.store.abandonLost("w", [number]);
  // Each was returned in its own step, so the last one is first.
  const [c, b, a] = await queue.claim("w");
  await queue.settle(a!, { ...RETRY, delayMs: 0 });
  await queue.settle(b!, LANE);
  await queue.settle(c!, BACK_TO_READY);

  const items = await queue.claim("w", { lanes: [{ webhookId: "wh_1", maxItems: 1 }] });

  expect(items.map((item) => [item.source, item.bytes?.toString(), item.crashes])).toEqual([
    ["due", "a", 0],
    ["lane", "b", 1],
    ["ready", "c", 1],
  ]);
});

test("an element that goes back unchanged is claimed next; with blpop it goes to the left end", async () => {
  const { queue, number } = await claimed("first");
  await queue.push("second");
  await settleAs(queue, "w", number, BACK_TO_LIST);
  expect(await queue.list()).toEqual(["first", "second"]);

  const popped = (await queue.store.pop(1, 1_000, CUT)).elements[0]!;
  expect(popped.toString()).toBe("second");
  const claim = { number: "", bytes: popped };
  await queue.store.settle(null, [{ claim, settlement: BACK_TO_LIST }]);
  expect(String((await queue.store.pop(1, 1_000, CUT)).elements[0])).toBe("second");
});

test("a retry of the same delivery is scheduled once, with its newest header", async () => {
  const { queue, number } = await claimed();
  await settleAs(queue, "w", number, { ...RETRY, delayMs: 0 });
  const [due] = await queue.claim("w");
  await queue.settle(due!, { ...RETRY, delayMs: 0, header: deliveryHeader("d1", { attempt: 2 }) });
  const [second, ...others] = await queue.claim("w");
  expect(second?.header).toEqual(deliveryHeader("d1", { attempt: 2 }));
  expect(others).toEqual([]);
});

describe("settling the deliveries of a fanned-out event", () => {
  async function fannedOut(): Promise<TestQueue> {
    const { queue, number } = await claimed("event bytes");
    const headers = [deliveryHeader("d1"), deliveryHeader("d2"), deliveryHeader("d3")];
    await settleAs(queue, "w", number, { verb: "fan", event: "e", headers });
    return queue;
  }

  test("keeps its bytes stored once through every kind of settlement", async () => {
    const queue = await fannedOut();
    const [one, two, three] = await queue.claim("w");
    await queue.settle(one!, RETRY);
    await queue.settle(two!, { verb: "park", delivery: named("d2"), header: deliveryHeader("d2") });
    await queue.settle(three!, { ...LANE, header: deliveryHeader("d3") });

    expect(await queue.places()).toEqual({ schedule: ["d1"], parked: ["d2"], lane: ["d3"] });
    const { events, refs } = queue.store.keys;
    expect(await lab.redis.hgetall(events)).toEqual({ e: "event bytes" });
    expect(await lab.redis.hgetall(refs)).toEqual({ e: "3" });
  });

  test("runs its deliveries in order, after those that were ready before", async () => {
    const { queue, number } = await claimed("earlier");
    await queue.push("event");
    const second = await queue.claimOne("w");
    await settleAs(queue, "w", number, BACK_TO_READY);
    await queue.settle(second, FAN);
    expect(await queue.places()).toEqual({ ready: ["earlier", "d1", "d2"] });
  });

  test("removes its bytes when the last delivery ends, not before", async () => {
    const queue = await fannedOut();
    const { events, refs } = queue.store.keys;
    const claims = await queue.claim("w");
    await queue.settle(claims[0]!, DONE);
    // Sent again after a lost reply, it must not count as another delivery's end.
    await queue.settle(claims[0]!, DONE);
    await queue.settle(claims[0]!, DONE);
    await queue.settle(claims[1]!, DONE);
    expect(await lab.redis.hlen(events)).toBe(1);

    await queue.settle(claims[2]!, { verb: "done", ending: "deleted" });

    expect(await lab.redis.exists(events, refs)).toBe(0);
    expect(await queue.ended()).toEqual({ delivered: 2, deleted: 1 });
  });
});

describe("what filters kept back is counted", () => {
  const filterCounts = { filtered: 2, filterErrors: 1 };
  const counted = { filtered: 2, "filter-error": 1 };
  const element = { claim: "w-1", at: 1 };

  test.each(VERBS.filter(({ settlement }) => settlement !== BACK_TO_LIST))(
    "with $verb, once, and not for a claim that is lost",
    async ({ settlement, ended }) => {
      const { queue, number } = await claimed();
      const entry = { claim: { number, shared: false, filterCounts }, settlement };
      expect(await queue.store.settle("w", [entry])).toEqual([true]);
      expect(await queue.ended()).toEqual({ ...ended, ...counted });
      expect(await queue.store.settle("w", [entry])).toEqual([false]);
      expect(await queue.ended()).toEqual({ ...ended, ...counted });
    },
  );

  test("and not with what comes after it in the same group", async () => {
    const queue = lab.queue();
    await queue.join("w");
    await queue.push("a", "b");
    const [a, b] = await queue.claim("w");
    const held = await queue.store.settle("w", [
      { claim: { ...a!, number: "99", filterCounts }, settlement: DONE },
      { claim: b!, settlement: PARK },
    ]);
    expect(held).toEqual([false, true]);
    expect(await queue.ended()).toEqual({ parked: 1 });
  });

  test("for an element that only memory holds", async () => {
    const queue = lab.queue();
    const claim = { number: "", bytes: Buffer.from("a"), filterCounts };
    expect(await queue.store.settle(null, [{ claim, settlement: DONE }])).toEqual([true]);
    expect(await queue.ended()).toEqual({ delivered: 1, ...counted });
  });

  test.each<[string, Settlement]>([
    ["back on the list", BACK_TO_LIST],
    [
      "put off",
      { verb: "retry", delivery: named("element-w-1"), delayMs: 60_000, header: element },
    ],
  ])("but not where the element is %s: it is judged again", async (_, settlement) => {
    const { queue, number } = await claimed();
    await queue.store.settle("w", [{ claim: { number, filterCounts }, settlement }]);
    expect(await queue.ended()).toEqual({});
  });
});
