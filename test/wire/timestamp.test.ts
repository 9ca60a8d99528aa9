import { describe, expect, test } from "bun:test";
import { isTimestamp } from "../../src/wire/timestamp.ts";

describe("isTimestamp accepts", () => {
  test.each([
    "2026-01-31T12:00:00Z",
    "2026-01-31t12:00:00z",
    "2026-01-31T12:00:00.123456789+05:30",
    "2024-02-29T00:00:00-00:00",
    "2000-02-29T23:59:59Z",
    "2016-12-31T23:59:60Z",
    "2016-12-31T23:59:60.5Z",
    "2017-01-01T05:29:60+05:30",
    "2016-12-31T15:59:60-08:00",
  ])("%s", (text) => expect(isTimestamp(text)).toBe(true));
});

describe("isTimestamp refuses", () => {
  test.each([
    ["", "nothing"],
    ["2026-01-31", "a date"],
    ["2026-01-31T12:00:00", "no offset"],
    ["2026-01-31 12:00:00Z", "a space"],
    ["2026-01-31T12:00Z", "no seconds"],
    ["2026-01-31T12:00:00.Z", "an empty fraction"],
    ["2026-01-31T12:00:00,5Z", "a comma"],
    ["2026-01-31T12:00:00+0530", "an offset without a colon"],
    ["2026-02-29T00:00:00Z", "29 February of no leap year"],
    ["1900-02-29T00:00:00Z", "29 February of 1900"],
    ["2026-04-31T00:00:00Z", "31 April"],
    ["2026-00-10T00:00:00Z", "month 0"],
    ["2026-13-10T00:00:00Z", "month 13"],
    ["2026-01-00T00:00:00Z", "day 0"],
    ["2026-01-31T24:00:00Z", "hour 24"],
    ["2026-01-31T12:60:00Z", "minute 60"],
    ["2026-01-31T12:00:61Z", "second 61"],
    ["2016-12-31T23:59:61Z", "second 61 where 60 is a leap second"],
    ["2026-01-31T12:00:60Z", "a leap second at noon"],
    ["2017-01-01T12:59:60Z", "a leap second on a month's first day"],
    ["2017-01-01T00:30:60Z", "a leap second half an hour into a month"],
    ["2016-12-30T23:59:60Z", "a leap second before the month's end"],
    ["2016-12-31T23:59:60+05:30", "a leap second at no midnight of UTC"],
    ["2026-01-31T12:00:00+24:00", "offset 24"],
    ["2026-01-31T12:00:00+00:60", "offset minute 60"],
    ["2026-01-31T12:00:00Z\n", "a line feed behind it"],
    ["+002026-01-31T12:00:00Z", "a year of six digits"],
    ["1769860800", "Unix seconds"],
  ])("%p: %s", (text) => expect(isTimestamp(text)).toBe(false));
});
