import { expect, test } from "bun:test";
import { Deadline, EXPIRED } from "../../../src/deadline.ts";
import {
  createResolver,
  type Lookup,
  type ResolverOptions,
} from "../../../src/delivery/guard/resolve.ts";

const FIRST = [{ address: "192.0.2.1", family: 4 as const }];
const SECOND = [{ address: "192.0.2.2", family: 4 as const }];

/** A resolver whose clock and look-up the test controls. */
function setUp(options: Partial<ResolverOptions> = {}) {
  const clock = { nowMs: 0 };
  const asked: { name: string; reply: PromiseWithResolvers<Awaited<ReturnType<Lookup>>> }[] = [];
  const resolve = createResolver({
    lookup(name) {
      const reply = Promise.withResolvers<Awaited<ReturnType<Lookup>>>();
      asked.push({ name, reply });
      return reply.promise;
    },
    nowMs: () => clock.nowMs,
    ...options,
  });
  const deadline = new Deadline(20_000);
  deadline.clear();
  return { clock, asked, ask: (name: string) => Promise.resolve(resolve(name, deadline)), resolve };
}

const notFound = () => Object.assign(new Error("no such name"), { code: "DNS_ENOTFOUND" });

test("an answer without a TTL is cached for 5 s", async () => {
  const { clock, asked, ask } = setUp();
  const first = ask("a.test");
  asked[0]!.reply.resolve(FIRST);
  const known = await first;
  expect(known).toEqual({ kind: "resolved", addresses: FIRST });
  clock.nowMs = 4_999;
  expect(await ask("a.test")).toBe(known);
  clock.nowMs = 5_000;
  const second = ask("a.test");
  asked[1]!.reply.resolve(SECOND);
  expect(await second).toEqual({ kind: "resolved", addresses: SECOND });
});

const ttls: [claim: string, ttlsMs: number[], keptMs: number][] = [
  ["as long as its TTL says", [30_000], 30_000],
  ["as long as the shortest of its TTLs", [50_000, 20_000, 40_000], 20_000],
  ["no shorter than a second", [0], 1_000],
  ["no longer than a minute", [86_400_000], 60_000],
];
test.each(ttls)("an answer is cached %s", async (_claim, ttlsMs, keptMs) => {
  const { clock, asked, ask } = setUp();
  const first = ask("a.test");
  asked[0]!.reply.resolve(
    ttlsMs.map((ttlMs, n) => ({ address: `192.0.2.${n}`, family: 4, ttlMs })),
  );
  const known = await first;
  clock.nowMs = keptMs - 1;
  expect(await ask("a.test")).toBe(known);
  clock.nowMs = keptMs;
  void ask("a.test");
  expect(asked).toHaveLength(2);
});

test("an answer with more than 64 addresses is unresolved", async () => {
  const { asked, ask } = setUp();
  const answers = [ask("a.test"), ask("b.test")];
  const many = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ address: `192.0.2.${n}`, family: 4 as const }));
  asked[0]!.reply.resolve(many(64));
  asked[1]!.reply.resolve(many(65));
  expect(await Promise.all(answers)).toEqual([
    { kind: "resolved", addresses: many(64) },
    { kind: "unresolved", code: "over 64 addresses" },
  ]);
});

test("a failure is a value and cached for 1 s", async () => {
  const { clock, asked, ask } = setUp();
  const first = ask("a.test");
  asked[0]!.reply.reject(notFound());
  expect(await first).toEqual({ kind: "unresolved", code: "ENOTFOUND" });
  clock.nowMs = 999;
  await ask("a.test");
  expect(asked).toHaveLength(1);
  clock.nowMs = 1_000;
  const second = ask("a.test");
  asked[1]!.reply.resolve(FIRST);
  expect(await second).toEqual({ kind: "resolved", addresses: FIRST });
});

test("a name without addresses is unresolved", async () => {
  const { asked, ask } = setUp();
  const answer = ask("a.test");
  asked[0]!.reply.resolve([]);
  expect(await answer).toEqual({ kind: "unresolved", code: "ENODATA" });
});

test("concurrent look-ups of one name are shared, those of two names are not", async () => {
  const { asked, ask } = setUp();
  const answers = [ask("a.test"), ask("a.test"), ask("b.test"), ask("a.test")];
  expect(asked.map(({ name }) => name)).toEqual(["a.test", "b.test"]);
  asked[0]!.reply.resolve(FIRST);
  asked[1]!.reply.resolve(SECOND);
  const [one, two, other, three] = await Promise.all(answers);
  expect(two).toBe(one);
  expect(three).toBe(one);
  expect(other).toEqual({ kind: "resolved", addresses: SECOND });
});

test("a look-up that hangs ends at the deadline, and its late answer is still cached", async () => {
  const { asked, ask, resolve } = setUp();
  const deadline = new Deadline(5);
  expect(await resolve("a.test", deadline)).toBe(EXPIRED);
  asked[0]!.reply.resolve(FIRST);
  expect(await ask("a.test")).toEqual({ kind: "resolved", addresses: FIRST });
  expect(asked).toHaveLength(1);
});

test("a deadline that has passed does not wait for a look-up", async () => {
  const { resolve } = setUp();
  const deadline = new Deadline(1);
  await deadline.race(new Promise(() => {}));
  expect(await resolve("a.test", deadline)).toBe(EXPIRED);
});

test("a look-up that never answers is not shared forever", async () => {
  const { clock, asked, ask } = setUp();
  const first = ask("a.test");
  clock.nowMs = 30_000;
  const second = ask("a.test");
  asked[1]!.reply.resolve(SECOND);
  expect(await second).toEqual({ kind: "resolved", addresses: SECOND });
  // The first look-up's late answer must not replace the newer one.
  asked[0]!.reply.resolve(FIRST);
  expect(await first).toEqual({ kind: "resolved", addresses: FIRST });
  expect(await ask("a.test")).toEqual({ kind: "resolved", addresses: SECOND });
});

test("the cache has at most maxNames names", async () => {
  const { asked, ask } = setUp({ maxNames: 2 });
  for (const [index, name] of ["a.test", "b.test", "c.test"].entries()) {
    const answer = ask(name);
    asked[index]!.reply.resolve(FIRST);
    await answer;
  }
  await ask("b.test");
  await ask("c.test");
  expect(asked).toHaveLength(3);
  void ask("a.test");
  expect(asked).toHaveLength(4);
});

test("the system's look-up resolves every spelling of localhost, and no .invalid", async () => {
  const resolve = createResolver();
  const deadline = new Deadline(20_000);
  for (const name of ["localhost", "localhost.", "a.localhost"]) {
    expect(await resolve(name, deadline)).toHaveProperty("kind", "resolved");
  }
  const unknown = await resolve("nowhere.invalid", deadline);
  deadline.clear();
  expect(unknown).toHaveProperty("kind", "unresolved");
});
