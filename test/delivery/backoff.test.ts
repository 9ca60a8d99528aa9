import { expect, test } from "bun:test";
import { delayBefore } from "../../src/delivery/backoff.ts";

const SCHEDULE = [0, 60_000, 300_000, 1_800_000, 7_200_000];
const ALMOST_ONE = 1 - Number.EPSILON;

test("without luck the delays are the schedule's", () => {
  const delays = [1, 2, 3, 4, 5].map((attempt) => delayBefore(attempt, SCHEDULE, () => 0));
  expect(delays).toEqual(SCHEDULE);
});

test("jitter adds up to 10 %, and nothing to the first attempt", () => {
  expect(delayBefore(2, SCHEDULE, () => 0.5)).toBe(63_000);
  expect(delayBefore(5, SCHEDULE, () => ALMOST_ONE)).toBeWithin(7_900_000, 7_920_001);
  expect(delayBefore(1, [500], () => ALMOST_ONE)).toBe(500);
});

test("after the last attempt there is no delay", () => {
  expect(delayBefore(6, SCHEDULE, () => 0)).toBeNull();
  expect(delayBefore(2, [0], () => 0)).toBeNull();
});
