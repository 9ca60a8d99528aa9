import { expect, test } from "bun:test";
import { excerpt } from "../../src/wire/excerpt.ts";

test.each<[claim: string, value: unknown, shown: string]>([
  ["text is quoted", "a b", '"a b"'],
  ["control characters are escaped", "a\n\u001b[31m\u0085", String.raw`"a\n\u001b[31m\u0085"`],
  ["marks that reorder text are escaped", "\u202egnp.exe", String.raw`"\u202egnp.exe"`],
  ["a lone surrogate is escaped", "\ud800", String.raw`"\ud800"`],
  ["numbers, words and nothing are themselves", 1.5, "1.5"],
  ["null", null, "null"],
  ["what is missing is nothing", undefined, "nothing"],
  ["an array is not written out", [1, 2], "an array"],
  ["an object is not written out", { secret: 1 }, "an object"],
  ["80 characters stay", "x".repeat(80), `"${"x".repeat(80)}"`],
  ["longer text is cut", "x".repeat(300), `"${"x".repeat(80)}…" (300 characters)`],
  [
    "no escape is cut in two",
    "\0".repeat(20),
    `"${String.raw`\u0000`.repeat(13)}…" (20 characters)`,
  ],
  ["no character is cut in two", `x${"😀".repeat(50)}`, `"x${"😀".repeat(39)}…" (101 characters)`],
])("%s", (_claim, value, shown) => {
  expect(excerpt(value)).toBe(shown);
});
