import { describe, expect, test } from "bun:test";
import { delayBefore, judge, type Answered, type JudgeContext } from "../../src/delivery/judge.ts";

const NOW = Date.UTC(2026, 0, 31, 12, 0, 0);
const DAY_MS = 86_400_000;

function judged(answer: Answered, context: Partial<JudgeContext> = {}) {
  return judge(answer, {
    attempt: 1,
    scheduleMs: [0, 60_000, 300_000],
    nowMs: NOW,
    random: () => 0,
    ...context,
  });
}

const response = (status: number, retryAfter: string | null = null): Answered => ({
  kind: "response",
  status,
  retryAfter,
});

test.each([200, 201, 202, 204, 206, 299])("%i is delivered", (status) => {
  expect(judged(response(status))).toEqual({
    outcome: "delivered",
    reason: null,
    statusCode: status,
  });
});

test.each([
  300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503, 999,
])("%i is retried on the schedule", (status) => {
  expect(judged(response(status))).toEqual({
    outcome: "retry",
    reason: `http-${status}`,
    statusCode: status,
    delayMs: 60_000,
    pauseMs: null,
    countsTowardsDisabling: true,
  });
});

test.each([
  "timeout",
  "connection-refused",
  "connection-reset",
  "connection-failed",
  "dns",
  "tls-expired",
  "tls-untrusted",
  "tls-wrong-name",
  "tls",
  "bad-response",
] as const)("a failure by %s is retried on the schedule", (reason) => {
  expect(judged({ kind: "failure", reason }, { attempt: 2 })).toEqual({
    outcome: "retry",
    reason,
    statusCode: null,
    delayMs: 300_000,
    pauseMs: null,
    countsTowardsDisabling: true,
  });
});

test("410 disables the webhook and parks the delivery at any attempt", () => {
  for (const attempt of [1, 3]) {
    expect(judged(response(410, "60"), { attempt })).toEqual({
      outcome: "parked",
      reason: "gone",
      statusCode: 410,
      pauseMs: null,
      countsTowardsDisabling: true,
      disable: true,
      exhausted: false,
    });
  }
});

test("a blocked literal address is parked at once, even with attempts left", () => {
  expect(judged({ kind: "blocked", mayPass: false })).toEqual({
    outcome: "parked",
    reason: "blocked-address",
    statusCode: null,
    pauseMs: null,
    countsTowardsDisabling: true,
    disable: false,
    exhausted: false,
  });
});

test("a name with a blocked address is retried on the schedule", () => {
  expect(judged({ kind: "blocked", mayPass: true })).toEqual({
    outcome: "retry",
    reason: "blocked-address",
    statusCode: null,
    delayMs: 60_000,
    pauseMs: null,
    countsTowardsDisabling: true,
  });
});

test.each([true, false])(
  "a proxy-timeout that is the operator's: %p, counts accordingly",
  (isOurs) => {
    expect(judged({ kind: "failure", reason: "proxy-timeout", isOurs })).toMatchObject({
      outcome: "retry",
      reason: "proxy-timeout",
      countsTowardsDisabling: !isOurs,
    });
  },
);

describe("Retry-After", () => {
  const rows: [status: number, retryAfter: string, delayMs: number, pauseMs: number | null][] = [
    [429, "600", 600_000, 600_000],
    [503, "600", 600_000, 600_000],
    [503, "Sat, 31 Jan 2026 12:10:00 GMT", 600_000, 600_000],
    [429, "999999", DAY_MS, DAY_MS],
    // Never earlier than the schedule.
    [429, "1", 60_000, 1_000],
    [429, "0", 60_000, 0],
    [503, "Sat, 31 Jan 2026 11:00:00 GMT", 60_000, 0],
    [429, "soon", 60_000, null],
    [500, "600", 60_000, null],
    [404, "600", 60_000, null],
    [301, "600", 60_000, null],
  ];
  test.each(rows)(
    "%i with Retry-After %p is retried in %i ms and pauses for %p",
    (status, retryAfter, delayMs, pauseMs) => {
      expect(judged(response(status, retryAfter))).toEqual({
        outcome: "retry",
        reason: `http-${status}`,
        statusCode: status,
        delayMs,
        pauseMs,
        countsTowardsDisabling: pauseMs === null,
      });
    },
  );

  test("Retry-After uses up an attempt and pauses the webhook even after the last one", () => {
    expect(judged(response(429, "600"), { attempt: 3 })).toEqual({
      outcome: "parked",
      reason: "http-429",
      statusCode: 429,
      pauseMs: 600_000,
      countsTowardsDisabling: false,
      disable: false,
      exhausted: true,
    });
  });
});

test("a schedule that is used up parks the delivery with the last failure as its reason", () => {
  const parked = { outcome: "parked", exhausted: true, disable: false };
  expect(judged(response(500), { attempt: 3 })).toMatchObject({ ...parked, reason: "http-500" });
  expect(judged({ kind: "failure", reason: "dns" }, { attempt: 3 })).toMatchObject({
    ...parked,
    reason: "dns",
  });
});

test("a schedule that is shorter than the attempts so far parks the delivery", () => {
  expect(judged(response(500), { attempt: 4, scheduleMs: [0] })).toHaveProperty("exhausted", true);
});

test("the jitter comes from the injected random function", () => {
  expect(judged(response(500), { random: () => 0.5 })).toHaveProperty("delayMs", 63_000);
});

describe("delayBefore", () => {
  const SCHEDULE = [0, 60_000, 300_000, 1_800_000, 7_200_000];
  const ALMOST_ONE = 1 - Number.EPSILON;

  test("adds nothing to the schedule if the random number is 0", () => {
    const delays = [1, 2, 3, 4, 5].map((attempt) => delayBefore(attempt, SCHEDULE, () => 0));
    expect(delays).toEqual(SCHEDULE);
  });

  test("adds up to 10 % to a retry and nothing to the first attempt", () => {
    expect(delayBefore(2, SCHEDULE, () => 0.5)).toBe(63_000);
    expect(delayBefore(5, SCHEDULE, () => ALMOST_ONE)).toBeWithin(7_900_000, 7_920_001);
    expect(delayBefore(1, [500], () => ALMOST_ONE)).toBe(500);
  });

  test("returns null after the last attempt of the schedule", () => {
    expect(delayBefore(6, SCHEDULE, () => 0)).toBeNull();
    expect(delayBefore(2, [0], () => 0)).toBeNull();
  });
});
