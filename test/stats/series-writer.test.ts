import { expect, test } from "bun:test";
import { Counters } from "../../src/stats/counters.ts";
import { SeriesWriter, type SeriesWrite } from "../../src/stats/series-writer.ts";
import { eventually } from "../support/eventually.ts";
import { useStops } from "../support/use-opened.ts";

const afterTest = useStops();

class Away extends Error {}

function writerOf(write: (write: SeriesWrite) => Promise<void>) {
  const counters = new Counters();
  let nowMs = 1_000_000;
  const refused: unknown[] = [];
  const writer = new SeriesWriter({
    window: counters.series,
    gauges: async () => new Map([["q", { scheduled: 4, parkedNow: 5 }]]),
    write,
    isOutage: (error) => error instanceof Away,
    onRefused: (error) => refused.push(error),
    now: () => nowMs,
  });
  afterTest(() => writer.close());
  return { counters, writer, refused, pass: (ms: number) => (nowMs += ms) };
}

test("nothing is written where nothing was counted", async () => {
  const writes: SeriesWrite[] = [];
  const { writer, counters } = writerOf(async (write) => void writes.push(write));
  counters.series.list("q", 0, 0);
  await writer.flush();
  expect(writes).toEqual([]);
});

test("what was counted is written within some seconds by itself, at the time when counting began", async () => {
  const writes: SeriesWrite[] = [];
  const { counters, pass } = writerOf(async (write) => void writes.push(write));
  counters.ended("delivered");
  pass(500);
  counters.ended("delivered");
  counters.series.list("q", 7, 1_234.5);
  await eventually(() => writes.length === 1);
  expect(writes).toEqual([
    {
      number: 1,
      atMs: 1_000_000,
      counts: [["d", 2]],
      gauges: [
        ["D:q", 7],
        ["A:q", 1_235],
        ["S:q", 4],
        ["P:q", 5],
      ],
    },
  ]);
});

test("a list that is not empty is written though nothing is delivered", async () => {
  const writes: SeriesWrite[] = [];
  const { counters } = writerOf(async (write) => void writes.push(write));
  counters.series.list("q", 3, 60_000);
  await eventually(() => writes.length === 1);
});

test("after an outage the same write is repeated, and what was counted meanwhile follows it", async () => {
  const writes: SeriesWrite[] = [];
  let isAway = true;
  const { counters, writer } = writerOf(async (write) => {
    writes.push(write);
    if (isAway) throw new Away();
  });
  counters.ended("delivered");
  expect(writer.flush()).rejects.toThrow(Away);
  await eventually(() => writes.length === 1);
  counters.ended("parked");
  isAway = false;
  await writer.flush();
  expect(writes.map(({ number, counts }) => [number, counts])).toEqual([
    [1, [["d", 1]]],
    [1, [["d", 1]]],
    [2, [["p", 1]]],
  ]);
});

test("a write that Valkey refuses is reported and dropped, and the next one is made", async () => {
  const writes: SeriesWrite[] = [];
  const { counters, writer, refused } = writerOf(async (write) => {
    writes.push(write);
    throw new Error("WRONGTYPE");
  });
  for (let n = 0; n < 3; n += 1) {
    counters.ended("delivered");
    await writer.flush();
  }
  expect(writes.map(({ number }) => number)).toEqual([1, 2, 3]);
  expect(refused).toHaveLength(1);
});
