import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sharedKeys } from "../../../src/valkey/keys.ts";
import { RejectedStore } from "../../../src/valkey/queue/rejected-store.ts";
import { rejectedId, Requeue } from "../../../src/valkey/queue/requeue.ts";
import { eventually } from "../../support/eventually.ts";
import { freshPrefix, ownValkey } from "../../support/valkey.ts";
import { QueueLab } from "./test-queue.ts";

const AT = new Date("2026-01-02T03:04:05.678Z");
const INVALID = Buffer.from([0, 0xff, 0x7b]);

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

function open(from = lab) {
  const prefix = freshPrefix();
  const keys = sharedKeys(prefix);
  const queues = [`${prefix}:a`, `${prefix}:b`] as const;
  const store = new RejectedStore(from.link, keys, { max: 1_000, ttlMs: 60_000 });
  const requeue = new Requeue(from.link, keys, queues);
  const { redis } = from;
  return {
    keys,
    queues,
    store,
    requeue,
    redis,
    /** The first is the oldest. */
    reject: (queue: string, ...elements: (string | Buffer)[]) =>
      store.write(
        elements.map((element) => ({
          reason: "not-json",
          field: null,
          message: "it is not JSON",
          queue,
          bytes: Buffer.from(element),
        })),
        AT,
      ),
    /** In the order in which they are claimed. */
    queued: async (queue: string) => (await redis.lrangeBuffer(queue, 0, -1)).toReversed(),
    ids: async () => (await redis.lrange(keys.rejected, 0, -1)).map(rejectedId),
    left: () => redis.llen(keys.rejected),
  };
}

describe("requeueing all rejected elements", () => {
  test("pushes each byte for byte onto the list that it came from, the oldest first", async () => {
    const { requeue, reject, queued, queues, left } = open();
    await reject(queues[0], "first", "é\u2028\0", "");
    await reject(queues[1], INVALID);
    await reject(queues[0], "last");
    expect(await requeue.oldest(1_000)).toEqual({ requeued: 5, remaining: 0 });
    expect(await queued(queues[0])).toEqual(
      ["first", "é\u2028\0", "", "last"].map((text) => Buffer.from(text)),
    );
    expect(await queued(queues[1])).toEqual([INVALID]);
    expect(await left()).toBe(0);
  });

  test("stops at the limit and reports the rest as remaining", async () => {
    const { requeue, reject, queued, queues } = open();
    await reject(queues[0], ...Array.from({ length: 120 }, (_, n) => String(n)));
    expect(await requeue.oldest(110)).toEqual({ requeued: 110, remaining: 10 });
    const taken = (await queued(queues[0])).map(String);
    expect(taken).toEqual(Array.from({ length: 110 }, (_, n) => String(n)));
    expect(await requeue.oldest(110)).toEqual({ requeued: 10, remaining: 0 });
    expect(await requeue.oldest(110)).toEqual({ requeued: 0, remaining: 0 });
  });

  test("works if a page contains only a few large elements", async () => {
    const { requeue, reject, ids, queued, queues } = open();
    const large = Array.from({ length: 12 }, (_, n) => `${n}:`.padEnd(400_000));
    for (const element of large) await reject(queues[0], element);
    const named = (await ids()).filter((_, at) => at % 2 === 0);
    expect(await requeue.named(named, 1_000)).toEqual({ requeued: 6, remaining: 0 });
    expect(await requeue.oldest(4)).toEqual({ requeued: 4, remaining: 2 });
    expect(await requeue.oldest(1_000)).toEqual({ requeued: 2, remaining: 0 });
    const numbers = (await queued(queues[0])).map((element) => parseInt(String(element)));
    expect(numbers).toEqual([1, 3, 5, 7, 9, 11, 0, 2, 4, 6, 8, 10]);
  });

  test("leaves elements that are incomplete or came from a list that is not served", async () => {
    const { requeue, reject, redis, keys, queues, queued, left } = open();
    const cut = { queue: queues[0], size: 9, raw: "12345678" };
    const strange = ["no JSON", "null", "[]", `{"queue":7}`, `{"queue":"${queues[0]}","size":0}`];
    await redis.lpush(keys.rejected, JSON.stringify(cut), ...strange);
    await reject(`${queues[0]}:other`, "x");
    // More than a page of them, so that the search has to skip them.
    await reject("not-served", ...Array.from({ length: 60 }, () => "x"));
    await reject(queues[0], "good");
    const stuck = 6 + 1 + 60;
    expect(await requeue.oldest(1_000)).toEqual({ requeued: 1, remaining: 0 });
    expect(await queued(queues[0])).toEqual([Buffer.from("good")]);
    expect(await redis.exists("not-served")).toBe(0);
    expect(await left()).toBe(stuck);
  });
});

describe("requeueing rejected elements by id", () => {
  test("pushes the oldest first and leaves the others", async () => {
    const { requeue, reject, ids, queued, queues } = open();
    await reject(queues[0], ...Array.from({ length: 120 }, (_, n) => String(n)));
    const all = await ids();
    const named = [all[0], all[119], all[60]].map((id) => id ?? "");
    expect(await requeue.named(named, 1_000)).toEqual({ requeued: 3, remaining: 0 });
    expect((await queued(queues[0])).map(String)).toEqual(["0", "59", "119"]);
    expect(await ids()).toEqual(all.filter((id) => !named.includes(id)));
    expect(await requeue.named(named, 1_000)).toEqual({ requeued: 0, remaining: 0 });
  });

  test("stops at the limit", async () => {
    const { requeue, reject, ids, queues } = open();
    await reject(queues[0], "a", "b", "c");
    expect(await requeue.named(await ids(), 2)).toEqual({ requeued: 2, remaining: 1 });
  });

  test("takes the ids that the list shows", async () => {
    const { requeue, reject, store, queues, queued } = open();
    await reject(queues[0], "a", "b");
    const { rejected } = await store.list(null, 10);
    const [{ id = "", raw } = {}] = rejected as { id?: string; raw?: string }[];
    expect([id, raw]).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), "b"]);
    await requeue.named([id], 10);
    expect(await queued(queues[0])).toEqual([Buffer.from("b")]);
  });

  test("treats two records with the same text as one", async () => {
    const { requeue, reject, ids, left, queues } = open();
    await reject(queues[0], "twin", "twin");
    const [id = ""] = await ids();
    expect(await requeue.named([id], 10)).toEqual({ requeued: 1, remaining: 0 });
    expect(await left()).toBe(1);
  });
});

test("two requests at the same time requeue no element twice", async () => {
  const { requeue, reject, queued, queues } = open();
  await reject(queues[0], ...Array.from({ length: 100 }, (_, n) => String(n)));
  const done = await Promise.all([1, 2, 3].map(() => requeue.oldest(1_000)));
  expect(done.reduce((sum, { requeued }) => sum + requeued, 0)).toBe(100);
  expect(new Set((await queued(queues[0])).map(String)).size).toBe(100);
  expect(await queued(queues[0])).toHaveLength(100);
});

test("an element stays rejected if the queue's key has another type", async () => {
  const { requeue, reject, redis, left, queues } = open();
  await redis.set(queues[0], "no list");
  await reject(queues[0], "a");
  expect(requeue.oldest(10)).rejects.toThrow("WRONGTYPE");
  expect(await left()).toBe(1);
});

describe("the size of the rejected list", () => {
  test("decreases when elements are requeued, and keeps its TTL", async () => {
    const { requeue, reject, redis, keys, queues } = open();
    await reject(queues[0], "a", "bb");
    await requeue.oldest(1);
    const [left = ""] = await redis.lrange(keys.rejected, 0, -1);
    expect(Number(await redis.get(keys.rejectedBytes))).toBe(left.length);
    expect(await redis.pttl(keys.rejectedBytes)).toBeGreaterThan(0);
  });

  test("is not created by requeueing if it does not exist", async () => {
    const { requeue, reject, redis, keys, queues } = open();
    await reject(queues[0], "a");
    await redis.del(keys.rejectedBytes);
    await requeue.oldest(1);
    expect(await redis.exists(keys.rejectedBytes)).toBe(0);
  });
});

test("in Valkey Cluster an element is pushed and then removed if the lists are in different slots", async () => {
  const valkey = await ownValkey({ appendOnly: false, extraArgs: ["--cluster-enabled", "yes"] });
  const own = await QueueLab.open(valkey.url);
  try {
    await own.redis.cluster("ADDSLOTSRANGE", 0, 16_383);
    await eventually(async () => (await own.redis.cluster("INFO")).includes("cluster_state:ok"));
    const { requeue, reject, ids, queued, queues, left } = open(own);
    await reject(queues[0], "a", INVALID, "c");
    expect(await requeue.oldest(2)).toEqual({ requeued: 2, remaining: 1 });
    expect(await requeue.named(await ids(), 2)).toEqual({ requeued: 1, remaining: 0 });
    expect(await queued(queues[0])).toEqual([Buffer.from("a"), INVALID, Buffer.from("c")]);
    expect(await left()).toBe(0);
  } finally {
    own.close();
    await valkey.stop();
  }
});
