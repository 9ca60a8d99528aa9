import { afterAll, beforeAll, expect, test } from "bun:test";
import { ValkeyFull } from "../../../src/valkey/connection/errors.ts";
import { ownValkey } from "../../support/valkey.ts";
import { deliveryHeader, named, QueueLab } from "../queue/test-queue.ts";

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

const texts = (items: readonly { bytes: Buffer | null }[]) =>
  items.map((item) => item.bytes?.toString());

test("a claim takes the oldest elements first, and at most as many as requested", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", "b", "c");

  const batch = await queue.claimBatch("w", { maxItems: 2 });

  expect(texts(batch.items)).toEqual(["a", "b"]);
  expect(batch.listLength).toBe(1);
  expect(batch.taken).toBe(2);
  expect(batch.again).toBeFalse();
  expect(await queue.places()).toEqual({ list: ["c"], claims: ["a", "b"] });
});

test("a claim gives each element its own number and the server's time", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", "b");
  const [seconds] = await lab.redis.time();

  const [a, b] = await queue.claim("w");

  expect(a).toMatchObject({ worker: "w", number: "1", crashes: 0, source: "list" });
  expect(a?.header).toEqual({ claim: "w-1", at: expect.any(Number) });
  expect(b?.header).toMatchObject({ claim: "w-2" });
  const { at } = a!.header as { at: number };
  expect(at).toBeGreaterThanOrEqual(Number(seconds) * 1000);
});

test.each([
  { elements: 10, size: 100_000, maxBytes: 250_000, taken: 3 },
  { elements: 100, size: 10_000, maxBytes: 205_000, taken: 21 },
  { elements: 2, size: 100_000, maxBytes: 10, taken: 1 },
])(
  "a claim stops at $maxBytes bytes, with at most one element of $size more",
  async ({ elements, size, maxBytes, taken }) => {
    const queue = lab.queue();
    await queue.join("w");
    await queue.push(...Array.from({ length: elements }, () => "x".repeat(size)));
    expect(await queue.claim("w", { maxBytes })).toHaveLength(taken);
    expect(await queue.list()).toHaveLength(elements - taken);
  },
);

test("a claim that begins with small elements stops at its bytes among large ones, too", async () => {
  const queue = lab.queue();
  await queue.join("w");
  const large = Array.from({ length: 31 }, (_, n) => `${n}`.padEnd(100_000, "x"));
  await queue.push("a", "b", ...large);

  const sizes = (await queue.claim("w", { maxBytes: 250_000 })).map(({ bytes }) => bytes?.length);

  expect(sizes).toEqual([1, 1, 100_000, 100_000, 100_000]);
  expect(await queue.list()).toEqual(large.slice(3));
  const next = await queue.claim("w", { maxBytes: 250_000 });
  expect(texts(next)).toEqual(large.slice(3, 6));
});

test("a claim counts the bytes of ready items too, and those of a fanned-out event once", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("x".repeat(10_000));
  const headers = Array.from({ length: 30 }, (_, i) => deliveryHeader(`d${i}`));
  await queue.settle(await queue.claimOne("w"), { verb: "fan", event: "e", headers });
  await queue.push("late");

  expect(await queue.claim("w", { maxBytes: 100 })).toHaveLength(1);
  expect(await queue.claim("w", { maxBytes: 20_000 })).toHaveLength(30);
});

test("a repeated batch number returns the same batch again, because its reply may have been lost", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", "b", "c");
  const first = await queue.claimBatch("w", { number: 1, maxItems: 2 });

  const again = await queue.claimBatch("w", { number: 1, maxItems: 2 });

  expect(again.again).toBeTrue();
  expect(again.items).toEqual(first.items.map((item) => ({ ...item, source: "again" })));
  expect(await queue.places()).toEqual({ list: ["c"], claims: ["a", "b"] });
});

test("a repeated batch number returns only the items that are not settled", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", "b", "c");
  const [a, b] = await queue.claim("w", { number: 1, maxItems: 2 });
  await queue.settle(a!, { verb: "done", ending: "delivered" });
  expect(texts(await queue.claim("w", { number: 1 }))).toEqual(["b"]);

  // A worker that got an empty reply here and continued under number 1 would never claim again.
  await queue.settle(b!, { verb: "done", ending: "delivered" });
  const nothing = await queue.claimBatch("w", { number: 1 });
  expect(nothing).toMatchObject({ again: true, items: [], listLength: 1 });
  expect(texts(await queue.claim("w", { number: 2 }))).toEqual(["c"]);
});

test("a batch number that claimed nothing can be used again", async () => {
  const queue = lab.queue();
  await queue.join("w");
  expect(await queue.claimBatch("w", { number: 1 })).toMatchObject({ again: false, items: [] });
  await queue.push("a");
  expect(texts(await queue.claim("w", { number: 1 }))).toEqual(["a"]);
});

test("a delayed copy of an earlier claim request is stale and claims nothing", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", "b", "c");
  await queue.claim("w", { number: 1, maxItems: 1 });
  await queue.claim("w", { number: 2, maxItems: 1 });
  const before = await queue.dump();

  expect(await queue.ask("w", { number: 1 })).toEqual({ kind: "stale" });

  expect(await queue.dump()).toEqual(before);
});

test("a worker that has not joined or was declared dead claims nothing", async () => {
  const queue = lab.queue();
  await queue.push("a");
  expect(await queue.ask("w")).toEqual({ kind: "unknown-worker" });
  await queue.join("w");
  await queue.expireLease("w");
  await queue.store.takeOver("w", 10_000);
  expect(await queue.ask("w")).toEqual({ kind: "unknown-worker" });
  expect(await queue.places()).toEqual({ list: ["a"] });
});

test("a claim reports a list of a wrong type by name, and claims from the other places", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a");
  await queue.settle(await queue.claimOne("w"), { verb: "back", header: deliveryHeader("d1") });
  await lab.redis.set(queue.store.queue, "no list");

  const batch = await queue.claimBatch("w");

  expect(texts(batch.items)).toEqual(["a"]);
  expect(batch.problems).toEqual([`the key ${queue.store.queue} is a string, not a list`]);
});

test("no element is claimed by two workers", async () => {
  const queue = lab.queue();
  const workers = ["w1", "w2", "w3"];
  await queue.join(...workers);
  const pushed = Array.from({ length: 300 }, (_, i) => `e${i}`);
  await queue.push(...pushed);
  const claimed: string[] = [];

  await Promise.all(
    workers.map(async (worker, i) => {
      for (;;) {
        const items = await queue.claim(worker, { maxItems: 7 + i });
        if (items.length === 0) return;
        claimed.push(...items.map((item) => String(item.bytes)));
      }
    }),
  );

  expect(claimed.toSorted()).toEqual(pushed.toSorted());
});

test("a claim takes due retries first, then lanes, then the ready list, then the list", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("lane", "due", "ready", "list");
  const [lane, due, ready] = await queue.claim("w", { maxItems: 3 });
  await queue.settle(lane!, { verb: "lane", webhookId: "wh_1", header: deliveryHeader("d1") });
  await queue.settle(due!, {
    verb: "retry",
    delivery: named("d2"),
    delayMs: 0,
    header: deliveryHeader("d2"),
  });
  await queue.settle(ready!, { verb: "back", header: deliveryHeader("d3") });

  const items = await queue.claim("w", { lanes: [{ webhookId: "wh_1", maxItems: 1 }] });

  expect(items.map((item) => item.source)).toEqual(["due", "lane", "ready", "list"]);
  expect(texts(items)).toEqual(["due", "lane", "ready", "list"]);
});

test("due retries take at most half of a batch, so that new events are not delayed", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push(...Array.from({ length: 10 }, (_, i) => `e${i}`));
  for (const [i, claim] of (await queue.claim("w")).entries()) {
    const delivery = named(`d${i}`);
    await queue.settle(claim, {
      verb: "retry",
      delivery,
      delayMs: 0,
      header: deliveryHeader(delivery),
    });
  }
  await queue.push(...Array.from({ length: 10 }, (_, i) => `new${i}`));

  const items = await queue.claim("w", { maxItems: 6 });

  const sources = ["due", "due", "due", "list", "list", "list"] as const;
  expect(items.map((item) => item.source)).toEqual([...sources]);
  expect(texts(items).slice(0, 4)).toEqual(["e0", "e1", "e2", "new0"]);
});

test("a scheduled delivery is not claimed before it is due, and the reply says when that is", async () => {
  const queue = lab.queue();
  await queue.join("w");
  expect((await queue.claimBatch("w")).nextDueInMs).toBeNull();
  await queue.push("a");
  const claim = await queue.claimOne("w");
  await queue.settle(claim, {
    verb: "retry",
    delivery: named("d1"),
    delayMs: 60_000.5,
    header: deliveryHeader("d1"),
  });

  const { items, nextDueInMs } = await queue.claimBatch("w");

  expect(items).toEqual([]);
  expect(nextDueInMs).toBeGreaterThan(30_000);
  expect(nextDueInMs).toBeLessThanOrEqual(60_001);
});

test("a claim takes the oldest of a lane, at most as many as requested, and reports the lanes that are not empty", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", "b", "c", "other");
  const claims = await queue.claim("w");
  for (const [i, webhookId] of (["wh_1", "wh_1", "wh_1", "wh_2"] as const).entries()) {
    const header_ = deliveryHeader(`d${i}`, { webhook_id: webhookId });
    await queue.settle(claims[i]!, { verb: "lane", webhookId, header: header_ });
  }
  expect((await queue.claimBatch("w")).lanes.toSorted()).toEqual(["wh_1", "wh_2"]);
  await lab.redis.zadd(queue.store.keys.lanes, 0, "wh_1", 0, "wh_2");

  const first = await queue.claimBatch("w", { lanes: [{ webhookId: "wh_1", maxItems: 2 }] });
  expect(texts(first.items)).toEqual(["a", "b"]);
  // The lane that was served last is the last one.
  expect(first.lanes).toEqual(["wh_2", "wh_1"]);

  const rest = await queue.claimBatch("w", { lanes: [{ webhookId: "wh_1", maxItems: 2 }] });
  expect(texts(rest.items)).toEqual(["c"]);
  expect(rest.lanes).toEqual(["wh_2"]);
  expect((await queue.claimBatch("w", { reportLimit: 0 })).lanes).toEqual([]);
});

test("a claim takes nothing off the list if none is requested", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a");
  expect(await queue.claim("w", { maxFromList: 0 })).toEqual([]);
  expect(await queue.list()).toEqual(["a"]);
});

test("a claim takes at most the requested number off the list, and everything that is ready", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", "b", "c");
  for (const name of ["d1", "d2", "d3"]) {
    await lab.redis.lpush(
      queue.store.keys.ready,
      `0 e ${JSON.stringify(deliveryHeader(name))}\nready`,
    );
  }
  expect(texts(await queue.claim("w", { maxFromList: 2 }))).toEqual([
    "ready",
    "ready",
    "ready",
    "a",
    "b",
  ]);
  expect(await queue.list()).toEqual(["c"]);
});

test("deliveries of one event share its bytes, which a claim reads once", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("event");
  const headers = [deliveryHeader("d1"), deliveryHeader("d2")];
  await queue.settle(await queue.claimOne("w"), { verb: "fan", event: "e", headers });
  const [one, two] = await queue.claim("w");
  expect(one?.bytes?.toString()).toBe("event");
  expect(two?.bytes).toBe(one!.bytes);
});

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

test.each([
  ["every byte", EVERY_BYTE],
  ["nothing", Buffer.alloc(0)],
  ["what looks like an item", Buffer.from('3 r {"claim":"x"}\n\n')],
])("%s stays unchanged over claim, takeover, retry, lane, fan and back", async (_, element) => {
  const queue = lab.queue();
  await queue.join("w1", "w2");
  await queue.push(element);
  const bytes: (Buffer | null)[] = [];
  const claim = async (request = {}) => {
    const [item] = await queue.claim("w2", request);
    bytes.push(item!.bytes);
    return item!;
  };

  bytes.push((await queue.claimOne("w1")).bytes);
  await queue.store.leave("w1");
  await queue.settle(await claim(), { verb: "back", header: null });
  expect(await lab.redis.lrangeBuffer(queue.store.queue, 0, -1)).toEqual([element]);
  await queue.settle(await claim(), {
    verb: "retry",
    delivery: named("d1"),
    delayMs: 0,
    header: deliveryHeader("d1"),
  });
  await queue.settle(await claim(), {
    verb: "lane",
    webhookId: "wh_1",
    header: deliveryHeader("d1"),
  });
  const fromLane = await claim({ lanes: [{ webhookId: "wh_1", maxItems: 1 }] });
  await queue.settle(fromLane, { verb: "back", header: deliveryHeader("d1") });
  await queue.settle(await claim(), { verb: "fan", event: "e", headers: [deliveryHeader("d1")] });
  await claim();

  expect(bytes.map((one) => one?.toString("hex"))).toEqual(
    Array.from({ length: 7 }, () => element.toString("hex")),
  );
});

test("everything but pushing works at the memory limit, and after SCRIPT FLUSH", async () => {
  const valkey = await ownValkey({ appendOnly: false });
  const own = await QueueLab.open(valkey.url);
  try {
    const queue = own.queue();
    await queue.join("w");
    await queue.push("done", "retry", "park", "lane", "fan", "back", "taken over", "last");
    await queue.settle(await queue.claimOne("w"), { verb: "back", header: null });
    await queue.expireLease("w");
    await own.redis.config("SET", "maxmemory", 1);

    // Nothing may be written before it: an earlier pop would let the rest of a script through.
    expect(queue.push("more")).rejects.toThrow(/^OOM/);
    expect(queue.store.push(["more"], null, ["evt_1"])).rejects.toBeInstanceOf(ValkeyFull);
    await own.redis.script("FLUSH");
    await queue.join("heir");
    const [done, retry, park, lane, fan, back] = await queue.claim("w", { maxItems: 7 });
    const settled = [
      await queue.settle(retry!, {
        verb: "retry",
        delivery: named("d1"),
        delayMs: 0,
        header: deliveryHeader("d1"),
      }),
      await queue.settle(park!, {
        verb: "park",
        delivery: named("d2"),
        header: deliveryHeader("d2"),
      }),
      await queue.settle(lane!, { verb: "lane", webhookId: "wh_1", header: deliveryHeader("d3") }),
      await queue.settle(fan!, { verb: "fan", event: "e", headers: [deliveryHeader("d4")] }),
      await queue.settle(back!, { verb: "back", header: deliveryHeader("d5") }),
      await queue.settle(done!, { verb: "done", ending: "delivered" }),
    ];
    expect(settled).toEqual(settled.map(() => true));
    expect(await queue.store.takeOver("w", 10_000)).toBe(1);

    expect(await queue.places()).toEqual({
      schedule: ["retry"],
      parked: ["park"],
      lane: ["lane"],
      ready: ["taken over", "back", "d4"],
      list: ["last"],
    });
    // With a lane that does not change, the first write of the script is refused.
    const lanes = [{ webhookId: "wh_1", maxItems: 0 }];
    expect(await queue.claim("heir", { lanes })).toHaveLength(5);
  } finally {
    own.close();
    await valkey.stop();
  }
});
