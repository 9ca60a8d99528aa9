// The arithmetic behind the benchmark's figures, and the loop that offers events at fixed times.
import { describe, expect, test } from "bun:test";
import { atMost, difference, interleave, ratio, type Bench, type Row } from "../../bench/bench.ts";
import { cpuSeconds, median, quantile, slope } from "../../bench/measure.ts";
import { offer } from "../../bench/open-loop.ts";

const oneTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe("quantile", () => {
  test.each([
    [0.5, 50],
    [0.99, 99],
    [0.999, 100],
    [0, 1],
  ])("%d of 1 to 100 is %d, by the nearest rank", (p, expected) => {
    expect(quantile(oneTo(100), p)).toBe(expected);
  });

  test("of nothing is no number", () => expect(quantile([], 0.5)).toBeNaN());
});

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
  [[10, 9, 100], 10],
])("the median of %j is %d", (numbers, expected) => expect(median(numbers)).toBe(expected));

test("a slope is the growth per unit, whatever the offset", () => {
  expect(slope(oneTo(10).map((x) => ({ x, y: 7 + 3 * x })))).toBeCloseTo(3);
  expect(slope(oneTo(10).map((x) => ({ x, y: 7 })))).toBe(0);
});

describe("what ran side by side", () => {
  const row = (name: string, ...seen: number[]): Row => ({
    name,
    runs: seen.map((per_second) => ({ per_second })),
  });
  // The machine was slower by half in the second repeat, for both.
  const rows = [row("own", 80, 40, 80), row("limit", 100, 50, 100)];

  test("is compared run by run", () => {
    expect(ratio(rows, "per_second", "own", "limit")).toBeCloseTo(0.8);
    expect(difference(rows, "per_second", "own", "limit")).toBe(-20);
  });

  test("has no figure and no bar where one of them was left out", () => {
    const found = ratio(rows, "per_second", "own", "other");
    expect(found).toBeNaN();
    expect(atMost("a ratio", 1, found)).toEqual([]);
  });

  test("runs in turn, then in reverse", async () => {
    const ran: string[] = [];
    const bench: Pick<Bench, "repeats" | "progress"> = { repeats: 2, progress: () => {} };
    const found = await interleave(
      bench,
      ["a", "b", "c"].map((name) => ({
        name,
        run: async () => {
          ran.push(name);
          return { per_second: ran.length };
        },
      })),
    );
    expect(ran.join("")).toBe("abccba");
    expect(found[0]).toEqual({ name: "a", runs: [{ per_second: 1 }, { per_second: 6 }] });
  });
});

test("an open loop offers every event once, without waiting for what becomes of it", async () => {
  const seen: number[] = [];
  const lateMs = await offer({ perSecond: 2_000, seconds: 0.1 }, (first, count) => {
    // Somebody who never answers does not hold up the next.
    void new Promise(() => {});
    for (let n = first; n < first + count; n += 1) seen.push(n);
  });
  expect(seen).toEqual(oneTo(200).map((n) => n - 1));
  expect(lateMs).toBeGreaterThanOrEqual(0);
});

test.skipIf(process.platform !== "linux")("processor time is of the named process", async () => {
  const { user, system } = process.cpuUsage();
  const own = (user + system) / 1e6;
  // A tick is 10 ms.
  expect(Math.abs((await cpuSeconds(process.pid)) - own)).toBeLessThan(0.5);
});
