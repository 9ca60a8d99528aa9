import { expect, test } from "bun:test";
import { Counters } from "../../src/stats/counters.ts";
import { eventTimeMs } from "../../src/stats/event-age.ts";
import { Histogram } from "../../src/stats/histogram.ts";

const failed = {
  outcome: "retry",
  dialect: "standard",
  durationMs: 20,
  waitMs: 1,
} as const;

test("an attempt is counted by outcome, reason and dialect; statuses by their class", () => {
  const counters = new Counters();
  counters.attempt({ ...failed, reason: "http-503" });
  counters.attempt({ ...failed, reason: "http-500" });
  counters.attempt({ ...failed, reason: "http-404" });
  counters.attempt({ ...failed, reason: "http-302" });
  counters.attempt({ ...failed, reason: "http-999" });
  counters.attempt({ ...failed, reason: "dns", outcome: "parked" });
  counters.attempt({ ...failed, reason: null, outcome: "delivered" });
  const counted = counters.attempts.entries.filter(({ count }) => count > 0);
  expect(counted.map(({ outcome, reason, count }) => [outcome, reason, count])).toEqual([
    ["delivered", "", 1],
    ["retry", "http-3xx", 1],
    ["retry", "http-4xx", 1],
    ["retry", "http-5xx", 2],
    ["retry", "http-other", 1],
    ["parked", "dns", 1],
  ]);
  expect(counted.every(({ dialect }) => dialect === "standard")).toBeTrue();
});

test("a histogram counts a value at a bound in the bucket below it, as Prometheus does", () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0.5, 1, 1.5, 2, 3]) histogram.observe(value);
  expect([...histogram.counts]).toEqual([2, 2, 1]);
  expect(histogram.sumSeconds).toBe(8);
});

test.each([
  "2026-11-28T12:34:56Z",
  "2026-11-28T12:34:56.7Z",
  "2026-11-28T12:34:56.789123Z",
  "2026-11-28T12:34:56.78Z",
  "2026-11-28t00:00:00z",
  "2026-11-28T12:34:56+02:00",
  "2025-02-28T23:59:59.999Z",
  "2026-11-28T12:34:56-00:30",
  "2026-11-28T12:3x:56Z",
  "2026-11-28T12:34:56.Z",
  "2026-11-28T12:34:56.7xZ",
  "2026-11-28 12:34:56Z",
  "2026-13-28T12:34:56Z",
  "no time",
  "Z",
  "",
])("the time %s is read as Date.parse reads it", (text) => {
  const expected = Date.parse(text.replace(/(\.\d{3})\d+/, "$1"));
  expect(eventTimeMs(text)).toBe(expected);
});

test("the age of an event from the future is 0, and one that cannot be read is not counted", () => {
  const counters = new Counters();
  counters.firstAttempt("2026-11-28T12:00:01Z", Date.parse("2026-11-28T12:00:00Z"));
  counters.firstAttempt("no time", 0);
  expect([...counters.eventAge.counts].reduce((sum, n) => sum + n)).toBe(1);
  expect(counters.eventAge.sumSeconds).toBe(0);
});
