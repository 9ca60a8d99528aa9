import { expect, test } from "bun:test";
import { Counters } from "../../../src/stats/counters.ts";
import { toColumns } from "../../../src/stats/series.ts";
import { sharedKeys } from "../../../src/valkey/keys.ts";
import { SeriesStore, stepOf } from "../../../src/valkey/history/series-store.ts";
import { freshPrefix } from "../../support/valkey.ts";
import { useLab } from "../queue/use-lab.ts";

const lab = useLab();
const NOW = Date.parse("2026-11-28T12:00:05Z");

function replicas(n: number, queues: string[] = ["q"]) {
  const keys = sharedKeys(freshPrefix());
  const open = () => new SeriesStore(lab.link, keys, queues);
  return { keys, stores: Array.from({ length: n }, open), reader: open() };
}

const write = (number: number, atMs: number, counts: [string, number][] = [["d", 1]]) => ({
  number,
  atMs,
  counts,
  gauges: [] as [string, number][],
});

test("counts of three replicas add up in steps of 10 s and of a minute", async () => {
  const { stores, reader } = replicas(3);
  for (const [at, store] of stores.entries()) {
    await store.add(
      write(1, NOW, [
        ["d", 10 ** at],
        ["a20", 1],
      ]),
    );
    await store.add(write(2, NOW + 10_000, [["p", 1]]));
  }
  const tens = toColumns(await reader.read(10, 3, NOW + 10_000));
  expect(tens.delivered).toEqual([null, 111, 0]);
  expect(tens.parked).toEqual([null, 0, 3]);
  expect(tens.p50_ms[1]).toBeGreaterThan(0);
  expect(tens.p50_ms[2]).toBeNull();
  const [minute] = await reader.read(60, 1, NOW);
  expect(Object.fromEntries(minute ?? [])).toMatchObject({ d: 111, p: 3, a20: 3 });
});

test("a write whose reply was lost counts once when it is repeated", async () => {
  const { stores, reader } = replicas(2);
  const [a, b] = stores as [SeriesStore, SeriesStore];
  await a.add(write(1, NOW));
  await a.add(write(1, NOW));
  await b.add(write(1, NOW));
  expect(toColumns(await reader.read(10, 1, NOW)).delivered).toEqual([2]);
});

test("of a gauge the highest value of the step counts, and lists add up", async () => {
  const { stores, reader } = replicas(2, ["q", "r"]);
  const [a, b] = stores as [SeriesStore, SeriesStore];
  const gauges = (depth: number, oldest: number): [string, number][] => [
    ["D:q", depth],
    ["A:q", oldest],
    ["D:r", 5],
    ["A:r", 1_000],
  ];
  await a.add({ ...write(1, NOW), gauges: gauges(7, 3_000) });
  await b.add({ ...write(1, NOW), gauges: gauges(3, 9_000) });
  await a.add({ ...write(2, NOW), gauges: gauges(0, 0) });
  const { depth, oldest_age_s: age } = toColumns(await reader.read(10, 1, NOW));
  expect([depth, age]).toEqual([[12], [9]]);
});

test("a key that holds something else is refused before anything is written", async () => {
  const { keys, stores, reader } = replicas(1);
  await lab.redis.set(keys.series(60, stepOf(NOW, 60)), "x");
  expect(stores[0]?.add(write(1, NOW))).rejects.toThrow(/WRONGTYPE/);
  expect(toColumns(await reader.read(10, 1, NOW)).delivered).toEqual([null]);
});

test("a day of busy steps stays below 1.2 MB, and every key has a TTL", async () => {
  const { keys, stores } = replicas(1);
  const [store] = stores as [SeriesStore];
  const counters = new Counters();
  // Every step of 10 s of the two hours that are kept, and every minute of the 25: what a busy service writes.
  const tens = Array.from({ length: 720 }, (_, at) => NOW - at * 10_000);
  const minutes = Array.from({ length: 1_380 }, (_, at) => NOW - 7_200_000 - at * 60_000);
  for (const [nth, atMs] of [...tens, ...minutes].entries()) {
    for (let at = 0; at < 12; at += 1) {
      const durationMs = 2 * 1.3 ** at;
      const outcome = at % 3 === 0 ? "retry" : "delivered";
      const waitMs = durationMs / 10;
      counters.attempt({ outcome, reason: null, dialect: "fluxdrop", durationMs, waitMs });
    }
    for (const end of ["delivered", "parked", "nobody", "rejected"] as const) counters.ended(end);
    counters.claimed("q", 1_000);
    counters.series.list("fluxhook:events", 50, 2_000);
    const gauges = new Map([["fluxhook:events", { scheduled: 1_000, parkedNow: 100 }]]);
    await store.add({ number: nth + 1, atMs, ...counters.series.take(gauges) });
  }
  let bytes = 0;
  let steps = 0;
  let cursor = "0";
  do {
    const [next, found] = await lab.redis.scan(
      cursor,
      "MATCH",
      `${keys.series(0, 0).slice(0, -3)}*`,
      "COUNT",
      1_000,
    );
    cursor = next;
    for (const key of found) {
      steps += 1;
      expect(await lab.redis.pttl(key)).toBeGreaterThan(0);
      bytes += Number(await lab.redis.memory("USAGE", key));
    }
  } while (cursor !== "0");
  // A minute for each minute, and the steps of 10 s too that this test has written for older ones.
  expect(steps).toBeGreaterThan(720 + 1_500 - 10);
  expect(bytes / steps).toBeLessThan(560);
  expect((bytes / steps) * (720 + 1_500)).toBeLessThan(1_250_000);
}, 60_000);
