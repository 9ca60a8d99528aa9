// A script that fails half-way keeps what it wrote, so its repetition must do no harm. Each key of a queue has a
// wrong type in turn, and after the repair every item is in the right place exactly once.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Settlement } from "../../../src/valkey/queue/settlement.ts";
import { UnsettledClaims } from "../../../src/valkey/queue/queue-store.ts";
import { deliveryHeader, named, QueueLab, type TestQueue } from "../queue/test-queue.ts";

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

const DELIVERY = "d1";
const BROKEN = [
  "ready",
  "schedule",
  "scheduled",
  "lanes",
  "lane",
  "events",
  "refs",
  "parked",
  "parkedItems",
  "stats",
  "claims",
] as const;
type Broken = (typeof BROKEN)[number];

const VERBS: { verb: string; settlement: Settlement; needs: Broken[]; places: object }[] = [
  {
    verb: "retry",
    settlement: {
      verb: "retry",
      delivery: named(DELIVERY),
      delayMs: 60_000,
      header: deliveryHeader(DELIVERY),
    },
    needs: ["schedule", "scheduled", "claims"],
    places: { schedule: ["a"] },
  },
  {
    verb: "park",
    settlement: { verb: "park", delivery: named(DELIVERY), header: deliveryHeader(DELIVERY) },
    needs: ["parked", "parkedItems", "claims"],
    places: { parked: ["a"] },
  },
  {
    verb: "lane",
    settlement: { verb: "lane", webhookId: "wh_1", header: deliveryHeader(DELIVERY) },
    needs: ["lanes", "lane", "claims"],
    places: { lane: ["a"] },
  },
  {
    verb: "fan",
    settlement: { verb: "fan", event: "e", headers: [deliveryHeader("d1"), deliveryHeader("d2")] },
    needs: ["ready", "events", "refs", "claims"],
    places: { ready: ["d1", "d2"] },
  },
  {
    verb: "back",
    settlement: { verb: "back", header: deliveryHeader(DELIVERY) },
    needs: ["ready", "claims"],
    places: { ready: ["a"] },
  },
  {
    verb: "done",
    settlement: { verb: "done", ending: "delivered" },
    needs: ["claims"],
    places: {},
  },
];

function keyOf({ store: { keys } }: TestQueue, broken: Broken): string {
  if (broken === "claims") return keys.claims("w");
  return broken === "lane" ? `${keys.base}:lane:wh_1` : keys[broken];
}

/** Gives the key a wrong type. Returns a function that restores it. */
async function breakKey(key: string): Promise<() => Promise<void>> {
  const saved = `${key}-saved`;
  const isThere = (await lab.redis.exists(key)) === 1;
  if (isThere) await lab.redis.rename(key, saved);
  await lab.redis.set(key, "something else");
  return async () => {
    await lab.redis.del(key);
    if (isThere) await lab.redis.rename(saved, key);
  };
}

const settle = (queue: TestQueue, number: string, settlement: Settlement) =>
  queue.store.settle("w", [{ claim: { number }, settlement }]);

describe.each(VERBS)("$verb", ({ settlement, needs, places }) => {
  test.each(BROKEN)("is settled once, even if %s had a wrong type before", async (broken) => {
    const queue = lab.queue();
    await queue.join("w");
    await queue.push("a");
    const { number } = await queue.claimOne("w");
    const key = keyOf(queue, broken);
    const repair = await breakKey(key);

    // Twice, as a worker repeats a settlement that failed.
    const isNeeded = needs.includes(broken);
    for (let i = 0; i < 2; i += 1) {
      const failure = await settle(queue, number, settlement).then(
        () => null,
        (error: unknown) => error,
      );
      if (!isNeeded) break;
      expect(failure).toBeInstanceOf(UnsettledClaims);
      expect((failure as Error).message).toContain(`the key ${key} is a string, not a`);
    }
    await repair();
    if (isNeeded) expect(await settle(queue, number, settlement)).toEqual([true]);

    expect(await queue.places()).toEqual(places as Record<string, string[]>);
    expect(await settle(queue, number, settlement)).toEqual([false]);
  });
});

test("a failed settlement of a shared event's delivery does not decrease the event's references", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("event bytes");
  const headers = [deliveryHeader("d1"), deliveryHeader("d2")];
  await queue.settle(await queue.claimOne("w"), { verb: "fan", event: "e", headers });
  const [first, second] = await queue.claim("w");
  const done: Settlement = { verb: "done", ending: "delivered" };
  const repair = await breakKey(queue.store.keys.events);
  for (let i = 0; i < 3; i += 1) {
    expect(settle(queue, first!.number, done)).rejects.toBeInstanceOf(UnsettledClaims);
  }
  await repair();

  expect(await settle(queue, first!.number, done)).toEqual([true]);
  expect(await lab.redis.hget(queue.store.keys.events, "e")).toBe("event bytes");
  expect(await settle(queue, second!.number, done)).toEqual([true]);
  expect(await lab.redis.exists(queue.store.keys.events, queue.store.keys.refs)).toBe(0);
});

test("one claim that cannot be settled does not block the others of its group", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", "b", "c");
  const claims = await queue.claim("w");
  const repair = await breakKey(queue.store.keys.schedule);
  const settlements: Settlement[] = [
    { verb: "park", delivery: named("d0"), header: deliveryHeader("d0") },
    { verb: "retry", delivery: named("d1"), delayMs: 60_000, header: deliveryHeader("d1") },
    { verb: "done", ending: "delivered" },
  ];
  const group = claims.map((claim, at) => ({ claim, settlement: settlements[at]! }));

  const failure = await queue.store.settle("w", group).catch((error: unknown) => error);

  expect((failure as UnsettledClaims).entries).toEqual([1]);
  await repair();
  expect(await queue.places()).toEqual({ parked: ["a"], claims: ["b"] });
  expect(await queue.ended()).toEqual({ parked: 1, delivered: 1 });
});

test.each(["ready", "schedule", "scheduled", "lanes", "lane", "paused", "stats"] as const)(
  "if %s has a wrong type, the other places are claimed, and the rest after the repair",
  async (broken) => {
    const queue = lab.queue();
    const { keys } = queue.store;
    await queue.join("w");
    await queue.push("ready", "due", "lane", "list");
    const [ready, due, lane] = await queue.claim("w", { maxItems: 3 });
    await queue.settle(ready!, { verb: "back", header: deliveryHeader("d1") });
    await queue.settle(due!, {
      verb: "retry",
      delivery: named("d2"),
      delayMs: 0,
      header: deliveryHeader("d2"),
    });
    await queue.settle(lane!, { verb: "lane", webhookId: "wh_1", header: deliveryHeader("d3") });
    const key = broken === "lane" ? `${keys.base}:lane:wh_1` : keys[broken];
    const repair = await breakKey(key);
    const lanes = [{ webhookId: "wh_1", maxItems: 2 }];

    const first = await queue.claimBatch("w", { lanes });
    expect(first.problems).toHaveLength(1);
    expect(first.problems[0]).toContain(`the key ${key} is a string, not a`);
    await repair();
    const second = await queue.claimBatch("w", { lanes });

    expect(second.problems).toEqual([]);
    const missing = { ready: "ready", schedule: "due", scheduled: "due", lane: "lane" };
    const isHeldBack = (one: string) => one === (missing as Record<string, string>)[broken];
    const all = ["due", "lane", "ready", "list"];
    const texts = (items: readonly { bytes: Buffer | null }[]) => items.map((i) => String(i.bytes));
    expect(texts(first.items)).toEqual(all.filter((one) => !isHeldBack(one)));
    expect(texts(second.items)).toEqual(all.filter(isHeldBack));
    expect(await queue.places()).toEqual({ claims: expect.arrayContaining(all) as string[] });
  },
);

test("items of fanned-out events are not claimed until the events can be read", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("event bytes");
  const headers = [deliveryHeader("d1"), deliveryHeader("d2")];
  await queue.settle(await queue.claimOne("w"), { verb: "fan", event: "e", headers });
  await queue.push("list");
  const repair = await breakKey(queue.store.keys.events);
  expect((await queue.claim("w")).map(({ bytes }) => String(bytes))).toEqual(["list"]);
  await repair();
  const claims = await queue.claim("w");
  expect(claims.map(({ bytes }) => String(bytes))).toEqual(["event bytes", "event bytes"]);
});

test.each(["workers", "worker", "claims"] as const)(
  "if the worker's own %s key has a wrong type, nothing moves and the error names it",
  async (broken) => {
    const queue = lab.queue();
    const { keys } = queue.store;
    await queue.join("w");
    await queue.push("a");
    // With its first claim a worker has a key of its own, and `workers` is not looked at any more.
    if (broken !== "workers") {
      await queue.claimOne("w");
      await queue.push("b");
    }
    const expected = broken === "workers" ? ["a"] : ["b"];
    const key = broken === "workers" ? keys.workers : keys[broken]("w");
    const repair = await breakKey(key);
    for (let i = 0; i < 2; i += 1) {
      expect(queue.claim("w")).rejects.toThrow(`the key ${key} is a string, not a`);
    }
    await repair();
    expect((await queue.claim("w")).map(({ bytes }) => String(bytes))).toEqual(expected);
    expect(await queue.places()).toEqual({ claims: broken === "workers" ? ["a"] : ["a", "b"] });
  },
);
