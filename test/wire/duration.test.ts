import { describe, expect, test } from "bun:test";
import { durationSchema, formatDuration, parseDuration } from "../../src/wire/duration.ts";

test.each([
  ["0s", 0],
  ["250ms", 250],
  ["1500ms", 1_500],
  ["10s", 10_000],
  ["5m", 300_000],
  ["2h", 7_200_000],
  ["7d", 604_800_000],
])("%s is %i ms, and written back it is the same", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
  expect(formatDuration(ms)).toBe(text);
});

test.each(["", "5", "s", "-1s", "1.5s", "1 s", "1S", "1w", "1s ", "1m30s", "1e3s", "9999999999s"])(
  "%p is no duration",
  (text) => expect(parseDuration(text)).toBeNull(),
);

describe("durationSchema", () => {
  const schema = durationSchema({ minMs: 1_000, maxMs: 60_000 });

  test.each(["1s", "1000ms", "1m"])("accepts %s, on its bounds", (text) => {
    expect(schema.safeParse(text).success).toBe(true);
  });
  test.each(["999ms", "61s", "soon"])("refuses %s and names what is accepted", (text) => {
    expect(schema.safeParse(text).error?.issues[0]?.message).toContain("from 1s to 1m");
  });
});
