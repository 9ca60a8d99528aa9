import { afterAll, beforeAll, expect, test } from "bun:test";
import { sharedKeys } from "../../../src/valkey/keys.ts";
import { RejectedStore, type Rejection } from "../../../src/valkey/queue/rejected-store.ts";
import { freshPrefix, ownValkey } from "../../support/valkey.ts";
import { QueueLab } from "./test-queue.ts";

const AT = new Date("2026-01-02T03:04:05.678Z");
const MIB = 1024 * 1024;

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

function open(max = 100, from = lab) {
  const keys = sharedKeys(freshPrefix());
  return { keys, store: new RejectedStore(from.link, keys, { max, ttlMs: 60_000 }) };
}

const rejection = (bytes: Buffer | string): Rejection => ({
  reason: "not-json",
  field: null,
  message: "it is not JSON",
  queue: "q",
  bytes: Buffer.from(bytes),
});

const rawOf = async (store: RejectedStore) =>
  (await store.list(null, 1_000)).rejected.map((one) => (one as { raw?: string }).raw);

test("a rejected element is stored as text, or in base64 if it is not UTF-8", async () => {
  const { store } = open();
  await store.write([rejection("é{"), rejection(Buffer.from([0x00, 0xff]))], AT);
  const common = {
    id: expect.stringMatching(/^[0-9a-f]{16}$/),
    reason: "not-json",
    field: null,
    message: "it is not JSON",
    queue: "q",
    rejected_at: "2026-01-02T03:04:05.678Z",
  };
  expect((await store.list(null, 10)).rejected).toEqual([
    { ...common, size: 2, raw_base64: "AP8=" },
    { ...common, size: 3, raw: "é{" },
  ]);
});

test("rejected elements are listed page by page, the newest first", async () => {
  const { store } = open();
  await store.write(["a", "b", "c"].map(rejection), AT);
  const first = await store.list(null, 2);
  expect(first).toMatchObject({ rejected: [{ raw: "c" }, { raw: "b" }], next: "2" });
  expect(await store.list(first.next, 2)).toMatchObject({ rejected: [{ raw: "a" }], next: null });
});

test("a page of large elements ends after about 1 MiB, and its cursors lead through all elements", async () => {
  const { store } = open();
  const sizes = [10, 300_000, 300_000, 300_000, 300_000, 10, 2 * MIB, 10, 300_000];
  for (const [n, size] of sizes.entries()) await store.write([rejection(`${n}:`.padEnd(size))], AT);
  const lengths: number[] = [];
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof store.list>> = await store.list(cursor, 100);
    const raws = page.rejected.map((one) => String((one as { raw?: string }).raw));
    // Except for the last one, which may have any size.
    expect(raws.slice(0, -1).join("").length).toBeLessThan(MIB);
    lengths.push(raws.length);
    seen.push(...raws.map((raw) => raw.split(":")[0] ?? ""));
    cursor = page.next;
  } while (cursor !== null);
  expect(seen).toEqual(sizes.map((_, n) => String(n)).toReversed());
  expect(lengths).toEqual([3, 5, 1]);
});

test("more than the maximum of rejected elements drops the oldest and counts them", async () => {
  const { store } = open(3);
  expect(await store.write(["a", "b"].map(rejection), AT)).toBe(0);
  expect(await store.write(["c", "d", "e"].map(rejection), AT)).toBe(2);
  expect(await rawOf(store)).toEqual(["e", "d", "c"]);
});

test("rejected elements together have at most 64 MiB; the newest stays whatever its size", async () => {
  const { store } = open();
  expect(await store.write([rejection("a")], AT)).toBe(0);
  expect(await store.write([rejection("x".repeat(65 * MIB))], AT)).toBe(1);
  expect((await store.list(null, 10)).rejected).toHaveLength(1);
  expect(await store.write([rejection("b"), rejection("c")], AT)).toBe(1);
  expect(await rawOf(store)).toEqual(["c", "b"]);
});

test("a rejected list that another program emptied has its whole capacity again", async () => {
  const { keys, store } = open();
  await store.write([rejection("a")], AT);
  await lab.redis.set(keys.rejectedBytes, 64 * MIB);
  await lab.redis.del(keys.rejected);
  for (const raw of ["b", "c"]) expect(await store.write([rejection(raw)], AT)).toBe(0);
  expect(await rawOf(store)).toEqual(["c", "b"]);
});

test("both keys of the rejected list expire together, one TTL after the newest element", async () => {
  const { keys, store } = open();
  await store.write([rejection("a")], AT);
  for (const key of [keys.rejected, keys.rejectedBytes]) await lab.redis.pexpire(key, 1_000);
  await store.write([rejection("b")], AT);
  for (const key of [keys.rejected, keys.rejectedBytes]) {
    expect(await lab.redis.pttl(key)).toBeGreaterThan(30_000);
  }
});

test("a rejected element is stored at the memory limit too, because its claim ends only after that", async () => {
  const valkey = await ownValkey({ appendOnly: false });
  const own = await QueueLab.open(valkey.url);
  try {
    const { store } = open(100, own);
    await own.redis.config("SET", "maxmemory", 1);
    expect(await store.write([rejection("a")], AT)).toBe(0);
    expect(await rawOf(store)).toEqual(["a"]);
  } finally {
    own.close();
    await valkey.stop();
  }
});
