import { describe, expect, test } from "bun:test";
import { bucketOf, LATENCY_BUCKETS, percentile } from "../../src/stats/latency.ts";

/** Repeatable: a linear congruential generator (Knuth, TAOCP 2, §3.3.4, line 26). */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

function histogramOf(values: readonly number[]): Float64Array {
  const counts = new Float64Array(LATENCY_BUCKETS);
  for (const value of values) counts[bucketOf(value)] = (counts[bucketOf(value)] ?? 0) + 1;
  return counts;
}

function exact(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? Number.NaN;
}

const next = random(7);
const SHAPES: Record<string, () => number> = {
  "of a local network": () => 0.2 + next() * 3,
  "of the internet": () => Math.exp(3 + 1.5 * (next() + next() + next() - 1.5)),
  "of fast and hanging receivers": () => (next() < 0.9 ? 5 + next() * 20 : 29_000 + next() * 1_000),
};

describe.each(Object.entries(SHAPES))("percentiles of latencies %s", (_, draw) => {
  test.each([0.5, 0.95, 0.99])(
    "at %d are within 9 %% after three processes were merged",
    (share) => {
      const processes = [3_000, 500, 1_700].map((n) => Array.from({ length: n }, draw));
      const merged = new Float64Array(LATENCY_BUCKETS);
      for (const one of processes) {
        histogramOf(one).forEach((n, at) => (merged[at] = (merged[at] ?? 0) + n));
      }
      const value = percentile(merged, share) ?? Number.NaN;
      const right = exact(processes.flat(), share);
      expect(Math.abs(value - right) / right).toBeLessThan(0.09);
    },
  );
});

test("a percentile of nothing is null", () => {
  expect(percentile(new Float64Array(LATENCY_BUCKETS), 0.5)).toBeNull();
});

test.each([0, -1, Number.NaN, 1e-9, 0.04, 1, 59_999, 1e9, Number.POSITIVE_INFINITY])(
  "a latency of %d ms has a bucket",
  (ms) => {
    expect(bucketOf(ms)).toBeWithin(0, LATENCY_BUCKETS);
  },
);
