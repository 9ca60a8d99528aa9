import { afterAll, beforeAll, expect, test } from "bun:test";
import { sharedKeys } from "../../../src/valkey/keys.ts";
import { LogStore } from "../../../src/valkey/history/log-store.ts";
import { addRecent } from "../../../src/valkey/history/recent-lists.ts";
import type { LogEntry } from "../../../src/wire/log-entry.ts";
import type { OwnerRef } from "../../../src/wire/owner.ts";
import { freshPrefix } from "../../support/valkey.ts";
import { QueueLab } from "../queue/test-queue.ts";

const LIMITS = { size: 3, ttlMs: 60_000 };

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

function open() {
  const keys = sharedKeys(freshPrefix());
  const store = new LogStore(lab.link, keys, LIMITS);
  const write = (byOwner: readonly (readonly [OwnerRef, readonly LogEntry[]])[]) =>
    addRecent(
      lab.link,
      LIMITS,
      byOwner.map(([owner, entries]) => store.entriesOf(owner, entries)),
    );
  return { keys, store, write };
}

const entry = (id: string): LogEntry => ({
  delivery_id: "01234567-89ab-4cde-8f01-23456789abcd",
  webhook_id: "wh_1",
  id,
  endpoint: "https://example.com/é",
  event: "file.created",
  status_code: null,
  duration_ms: 12,
  attempt: 1,
  outcome: "retry",
  reason: "timeout",
  next_attempt_at: "2026-01-02T03:05:05.000Z",
  timestamp: "2026-01-02T03:04:05.000Z",
});

const ids = (entries: readonly LogEntry[]) => entries.map(({ id }) => id);

test("the newest log entries come first, in the store and for any service that uses LRANGE", async () => {
  const { keys, store, write } = open();
  await write([["user:u_1", [entry("a"), entry("b")]]]);
  await write([["user:u_1", [entry("c")]]]);
  expect(ids(await store.read("user:u_1"))).toEqual(["c", "b", "a"]);
  const [newest] = await lab.redis.lrange(keys.logs("user:u_1"), 0, 9);
  expect(JSON.parse(newest!)).toEqual(entry("c"));
});

test("each owner's last log entries are kept, whether written together or one by one", async () => {
  const { keys, store, write } = open();
  await write([
    ["user:u_1", ["a", "b", "c", "d", "e"].map(entry)],
    ["org:o_1", [entry("x")]],
  ]);
  for (const id of ["f", "g"]) await write([["org:o_1", [entry(id)]]]);
  for (const id of ["f", "g"]) await write([["user:u_1", [entry(id)]]]);
  expect(ids(await store.read("user:u_1"))).toEqual(["g", "f", "e"]);
  expect(ids(await store.read("org:o_1"))).toEqual(["g", "f", "x"]);
  expect(await lab.redis.llen(keys.logs("user:u_1"))).toBe(3);
});

test("each write renews the log's TTL", async () => {
  const { keys, write } = open();
  const key = keys.logs("user:u_1");
  await write([["user:u_1", [entry("a")]]]);
  await lab.redis.pexpire(key, 1_000);
  await write([["user:u_1", [entry("b")]]]);
  const ttl = await lab.redis.pttl(key);
  expect(ttl).toBeGreaterThan(30_000);
  expect(ttl).toBeLessThanOrEqual(LIMITS.ttlMs);
});

test("a key of a wrong type affects only its own log, and is counted", async () => {
  const { keys, store, write } = open();
  await lab.redis.set(keys.logs("user:bad"), "no list");
  const written = [
    ["user:a", [entry("a")]],
    ["user:bad", [entry("b")]],
    ["user:c", [entry("c")]],
  ] as const;
  expect(await write(written)).toEqual([keys.logs("user:bad")]);
  expect(ids(await store.read("user:a"))).toEqual(["a"]);
  expect(ids(await store.read("user:c"))).toEqual(["c"]);
  expect(await lab.redis.get(keys.logs("user:bad"))).toBe("no list");
});

test("an owner without a log reads an empty one, and writing no entries writes nothing", async () => {
  const { store, write } = open();
  expect(await store.read("user:nobody")).toEqual([]);
  expect(await write([])).toEqual([]);
});
