import { describe, expect, test } from "bun:test";
import { printable, printableJson, printableLines } from "../../src/wire/printable.ts";

const ESCAPED: [what: string, text: string, shown: string][] = [
  ["a line feed", "a\nb", "a\\nb"],
  ["a carriage return", "a\rb", "a\\rb"],
  ["a tab", "a\tb", "a\\tb"],
  ["a NUL", "a\0b", "a\\u0000b"],
  ["an escape sequence", "\u001b[2J\u001b]0;title\u0007", "\\u001b[2J\\u001b]0;title\\u0007"],
  ["a sequence that begins with one C1 control", "\u009b2J", "\\u009b2J"],
  ["DEL and a backspace", "a\b\u007f", "a\\u0008\\u007f"],
  ["bidi overrides and isolates", "\u202e\u2066\u2069\u200f", "\\u202e\\u2066\\u2069\\u200f"],
  ["characters of no width", "a\u200bb\ufeffc\u200d", "a\\u200bb\\ufeffc\\u200d"],
  ["a soft hyphen", "a\u00adb", "a\\u00adb"],
  ["line and paragraph separators", "a\u2028b\u2029", "a\\u2028b\\u2029"],
  ["tag characters", "a\u{e0041}", "a\\udb40\\udc41"],
  ["a lone surrogate", "a\ud800", "a\\ud800"],
  ["private use", "\ue000", "\\ue000"],
];

describe("printable escapes", () => {
  test.each(ESCAPED)("%s", (_, text, shown) => expect(printable(text)).toBe(shown));
});

test.each(["file.created", "é 漢字 ü", "😀 ❤️", "العربية", "a\\nb", "‘q’", "a\u0301"])(
  "printable leaves %j as it is",
  (text) => expect(printable(text)).toBe(text),
);

test("printableLines keeps only line feeds", () => {
  expect(printableLines("a\nb\r\n\u001b\u2028")).toBe("a\nb\\r\n\\u001b\\u2028");
});

test("printableJson returns the same JSON without characters that control a terminal", () => {
  const value = { [`\u202ekey`]: ESCAPED.map(([, text]) => text), n: 1, e: "é😀" };
  for (const indent of [0, 2]) {
    const json = printableJson(JSON.stringify(value, null, indent));
    expect(JSON.parse(json)).toEqual(value);
    expect(json.replaceAll("\n", "")).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect(json).toContain("é😀");
  }
});
