import { afterAll, beforeAll, expect, test } from "bun:test";
import { QueueLab } from "../queue/test-queue.ts";

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

test("a push keeps the order of its elements, even of more than one command can take", async () => {
  const queue = lab.queue();
  const elements = Array.from({ length: 2_500 }, (_, i) => `e${i}`);
  expect(await queue.store.push(elements, null, ["evt_1"])).toEqual({
    pushed: true,
    ids: ["evt_1"],
  });
  expect(await queue.list()).toEqual(elements);
});

test("a push onto a key that is not a list pushes nothing and does not store the idempotency key", async () => {
  const queue = lab.queue();
  await lab.redis.set(queue.store.queue, "no list");
  const idempotency = { key: "k", fingerprint: "f" };
  expect(queue.store.push(["a", "b"], idempotency, ["1", "2"])).rejects.toThrow(/^WRONGTYPE/);

  await lab.redis.del(queue.store.queue);
  expect(await queue.store.push(["a", "b"], idempotency, ["3", "4"])).toEqual({
    pushed: true,
    ids: ["3", "4"],
  });
  expect(await queue.list()).toEqual(["a", "b"]);
});

test("a repeated idempotency key pushes nothing and returns the first ids", async () => {
  const queue = lab.queue();
  const idempotency = { key: "k", fingerprint: "f" };
  await queue.store.push(["a", "b"], idempotency, ["evt_1", "evt_2"]);
  expect(await queue.store.push(["a", "b"], idempotency, ["evt_3", "evt_4"])).toEqual({
    pushed: true,
    ids: ["evt_1", "evt_2"],
  });
  expect(await queue.list()).toEqual(["a", "b"]);
});

test("an idempotency key with another body is refused", async () => {
  const queue = lab.queue();
  await queue.store.push(["a"], { key: "k", fingerprint: "f" }, ["1"]);
  expect(await queue.store.push(["b"], { key: "k", fingerprint: "g" }, ["2"])).toEqual({
    pushed: false,
    why: "key-reused",
  });
  expect(await queue.list()).toEqual(["a"]);
});

test("a push with another idempotency key or without one always pushes", async () => {
  const queue = lab.queue();
  await queue.store.push(["a"], { key: "k1", fingerprint: "f" }, ["1"]);
  await queue.store.push(["b"], { key: "k2", fingerprint: "f" }, ["2"]);
  await queue.store.push(["c"], null, ["3"]);
  await queue.store.push(["c"], null, ["3"]);
  expect(await queue.list()).toEqual(["a", "b", "c", "c"]);
});

test("an idempotency key expires after a day", async () => {
  const queue = lab.queue();
  await queue.store.push(["a"], { key: "k", fingerprint: "f" }, ["1"]);
  const ttl = await lab.redis.ttl(queue.store.keys.idempotency("k"));
  expect(ttl).toBeGreaterThan(86_300);
  expect(ttl).toBeLessThanOrEqual(86_400);
});
