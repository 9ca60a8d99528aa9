import { expect, test } from "bun:test";
import { Losses } from "../src/losses.ts";

test("losses are told together, with the last error, at most every ten seconds, and all at the end", () => {
  const told: [number, unknown][] = [];
  const counted: number[] = [];
  const losses = new Losses(
    (count, lastError) => void told.push([count, lastError]),
    (count) => void counted.push(count),
  );
  losses.report(0);
  losses.add(1);
  losses.add(2, "away");
  losses.add(1);
  losses.report(0);
  losses.add(5);
  losses.report(9_999);
  expect(told).toEqual([[4, "away"]]);
  losses.report(10_000);
  losses.add(7);
  losses.report(Number.POSITIVE_INFINITY);
  expect(told).toEqual([
    [4, "away"],
    [5, undefined],
    [7, undefined],
  ]);
  // A counter is right at every moment.
  expect(counted).toEqual([1, 2, 1, 5, 7]);
});
