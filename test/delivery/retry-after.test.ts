import { expect, test } from "bun:test";
import { MAX_RETRY_AFTER_MS, readRetryAfter } from "../../src/delivery/retry-after.ts";

const NOW = Date.UTC(2026, 0, 31, 12, 0, 0);

const rows: [text: string, ms: number | null][] = [
  ["0", 0],
  ["1", 1_000],
  [" 120 ", 120_000],
  ["007", 7_000],
  ["86400", MAX_RETRY_AFTER_MS],
  ["86401", MAX_RETRY_AFTER_MS],
  ["9".repeat(400), MAX_RETRY_AFTER_MS],
  ["Sat, 31 Jan 2026 12:00:30 GMT", 30_000],
  ["Saturday, 31-Jan-26 12:00:30 GMT", 30_000],
  ["Sat Jan 31 12:00:30 2026", 30_000],
  ["Sun Feb  1 00:00:00 2026", 43_200_000],
  ["Sat, 31 Jan 2026 11:59:59 GMT", 0],
  ["Sun, 06 Nov 1994 08:49:37 GMT", 0],
  ["Sunday, 06-Nov-94 08:49:37 GMT", 0],
  ["Sun Nov  6 08:49:37 1994", 0],
  ["Sat, 31 Jan 2026 12:00:60 GMT", 60_000],
  ["Thu, 31 Dec 2099 23:59:59 GMT", MAX_RETRY_AFTER_MS],
  // 2076 is 50 years ahead; 2077 would be more, so it is 1977.
  ["Friday, 31-Jan-76 12:00:00 GMT", MAX_RETRY_AFTER_MS],
  ["Monday, 31-Jan-77 12:00:00 GMT", 0],
  ["", null],
  ["-1", null],
  ["1.5", null],
  ["1e3", null],
  ["0x10", null],
  ["120, 60", null],
  ["soon", null],
  ["2026-01-31T12:00:30Z", null],
  ["Sat, 31 Jan 2026 12:00:30", null],
  ["Sat, 31 Jan 2026 12:00:30 CET", null],
  ["Sat, 31 Jam 2026 12:00:30 GMT", null],
  ["Tue, 31 Feb 2026 12:00:30 GMT", null],
  ["Sat, 00 Jan 2026 12:00:30 GMT", null],
  ["Sat, 31 Jan 2026 24:00:00 GMT", null],
  ["Sat, 31 Jan 2026 12:60:00 GMT", null],
  ["Sat, 31 Jan 2026 12:00:61 GMT", null],
];

test.each(rows)("%p asks for %p ms", (text, ms) => {
  expect(readRetryAfter(text, NOW)).toBe(ms);
});
