// Items that cannot be read, and elements that are too large: neither affects any other item.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { deliveryHeader, named, QueueLab, type TestQueue } from "../queue/test-queue.ts";

const CUT = { over: 1_000, to: 10 };
const LARGE = "x".repeat(1_001);
const DONE = { verb: "done", ending: "rejected" } as const;

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

const BAD = [
  "",
  "no item",
  "0 e {}",
  "0 e {}\n",
  "0 x {}\nbytes",
  "e {}\nbytes",
  "0 e no JSON\nbytes",
  "0 e null\nbytes",
  "0 e []\nbytes",
  '0 e {"claim":5,"at":1}\nbytes',
  '0 e {"delivery":"d1"}\nbytes',
  `0 e ${JSON.stringify(deliveryHeader("d1", { owner: "nobody" as never }))}\nbytes`,
  Buffer.from([0x00, 0xff, 0x0a, 0xfe]),
];

const placed: [string, (queue: TestQueue, item: string | Buffer) => Promise<unknown>][] = [
  ["ready list", (queue, item) => lab.redis.rpush(queue.store.keys.ready, item)],
  [
    "schedule",
    async (queue, item) => {
      await lab.redis.zadd(queue.store.keys.schedule, 1, "d9");
      await lab.redis.hset(queue.store.keys.scheduled, "d9", item);
    },
  ],
  ["lane", (queue, item) => lab.redis.rpush(`${queue.store.keys.base}:lane:wh_1`, item)],
  [
    "claims of a dead worker",
    async (queue, item) => {
      await queue.join("dead");
      await lab.redis.hset(queue.store.keys.claims("dead"), "7", item);
      await queue.expireLease("dead");
      await queue.store.takeOver("dead", 10_000);
    },
  ],
];

describe.each(placed)("an item in the %s that cannot be read", (where, place) => {
  test.each(BAD)("is claimed with all its bytes, and ends like any other: %j", async (bad) => {
    const queue = lab.queue();
    await queue.join("w");
    await place(queue, bad);
    await queue.push("good");

    const claims = await queue.claim("w", { lanes: [{ webhookId: "wh_1", maxItems: 1 }] });

    // The takeover adds a crash to anything that begins like an item.
    const isCounted = where === "claims of a dead worker" && String(bad).startsWith("0 ");
    const kept = isCounted ? Buffer.from(String(bad).replace(/^0/, "1")) : Buffer.from(bad);
    expect(claims.map(({ bytes }) => bytes)).toEqual([kept, Buffer.from("good")]);
    expect(claims[0]?.damage).toBeString();
    expect(claims[1]?.damage).toBeUndefined();
    expect(await queue.settle(claims[0]!, DONE)).toBeTrue();
    expect(await queue.ended()).toEqual({ rejected: 1 });
  });
});

test("a takeover moves each claim once, even with damaged claims between them", async () => {
  const queue = lab.queue();
  await queue.join("dead", "w");
  await queue.push("a", "b");
  await queue.claim("dead");
  await lab.redis.hset(queue.store.keys.claims("dead"), "0", "bad", "foreign", "bad as well");
  await queue.expireLease("dead");
  expect(await queue.store.takeOver("dead", 10_000)).toBe(4);
  const texts = (await queue.claim("w")).map(({ bytes }) => String(bytes));
  expect(texts.toSorted()).toEqual(["a", "b", "bad", "bad as well"]);
  expect(await queue.store.takeOver("dead", 10_000)).toBeNull();
});

test("an element that is too large is claimed as its first bytes and its size", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", LARGE, "b", LARGE, "x".repeat(1_000));
  const claims = [];
  for (let i = 0; i < 4; i += 1) claims.push(...(await queue.claim("w", { cut: CUT })));
  expect(claims.map(({ bytes }) => bytes?.length)).toEqual([1, 10, 1, 10, 1_000]);
  expect(claims.map((claim) => ("at" in claim.header ? claim.header.size : 0))).toEqual([
    undefined,
    1_001,
    undefined,
    1_001,
    undefined,
  ]);
  // A second run after a crash has the size too.
  await queue.join("heir");
  await queue.expireLease("w");
  await queue.store.takeOver("w", 10_000);
  const [, large] = await queue.claim("heir", { cut: CUT });
  expect(large).toMatchObject({ crashes: 1, source: "ready", header: { size: 1_001 } });
});

test("an element that an earlier version claimed whole is cut when it is claimed again", async () => {
  const queue = lab.queue();
  await queue.join("w", "heir");
  await queue.push(LARGE);
  await queue.claim("w");
  await queue.expireLease("w");
  await queue.store.takeOver("w", 10_000);
  const [claim] = await queue.claim("heir", { cut: CUT });
  expect(claim?.bytes?.toString()).toBe("x".repeat(10));
  expect(claim?.header).toEqual({ claim: "w-1", at: expect.any(Number), size: 1_001 });
});

test("a delivery is never cut, because its event was accepted", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push(LARGE);
  const claim = await queue.claimOne("w");
  await queue.settle(claim, { verb: "back", header: deliveryHeader("d1") });
  const [again] = await queue.claim("w", { cut: CUT });
  expect(again?.bytes).toHaveLength(1_001);
});

test("with blpop an element that is too large goes to the ready list with its size, and the others are popped", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await lab.redis.rpush(queue.store.queue, "a", LARGE, "b");
  const pop = () => queue.store.pop(10, 1_000_000, CUT);
  expect(await pop()).toEqual({ elements: [Buffer.from("a")], listLength: 2 });
  expect(await pop()).toEqual({ elements: [], listLength: 1 });
  expect(await pop()).toEqual({ elements: [Buffer.from("b")], listLength: 0 });
  expect(await pop()).toEqual({ elements: [], listLength: 0 });
  const [claim] = await queue.claim("w", { maxFromList: 0, cut: CUT });
  expect(claim).toMatchObject({ source: "ready", header: { size: 1_001 } });
  expect(claim?.bytes).toHaveLength(10);
});

test("a retry is taken from a lane before all others that wait there", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("first", "second", "retry");
  const claims = await queue.claim("w");
  for (const claim of claims) {
    const isRetry = String(claim.bytes) === "retry";
    const headerOf = deliveryHeader(`d-${String(claim.bytes)}`);
    await queue.settle(claim, {
      verb: "lane",
      webhookId: "wh_1",
      header: headerOf,
      first: isRetry,
    });
  }
  const lanes = [{ webhookId: "wh_1", maxItems: 3 }];
  const texts = (await queue.claim("w", { lanes })).map(({ bytes }) => String(bytes));
  expect(texts).toEqual(["retry", "first", "second"]);
});

test("lanes that could fill every batch leave room for due retries", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("due", "b", "c", "d");
  const [due, ...others] = await queue.claim("w");
  await queue.settle(due!, {
    verb: "retry",
    delivery: named("d0"),
    delayMs: 0,
    header: deliveryHeader("d0"),
  });
  for (const claim of others) {
    await queue.settle(claim, { verb: "lane", webhookId: "wh_1", header: deliveryHeader("d1") });
  }
  const lanes = [{ webhookId: "wh_1", maxItems: 2 }];
  const texts = (await queue.claim("w", { maxItems: 2, lanes })).map(({ bytes }) => String(bytes));
  expect(texts).toEqual(["due", "b"]);
});
