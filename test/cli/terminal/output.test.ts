import { describe, expect, test } from "bun:test";
import { details, table } from "../../../src/cli/terminal/output.ts";

const COLUMNS = [{ name: "id", isWhole: true }, { name: "url" }, { name: "state" }];
const ID = "wh_3vJ8kQm2ZpXr6Tn0YbLcW9dA";
const URL_TEXT = `https://example.com/${"long/".repeat(30)}`;
const rows = [
  [ID, URL_TEXT, "enabled"],
  [ID, "https://例え.jp/", { text: "disabled", paint: (text: string) => text }],
];
const widest = (text: string) => Math.max(...text.split("\n").map((line) => Bun.stringWidth(line)));

describe("a table", () => {
  test.each([60, 80, 100, 200])("fits %i columns, and breaks no id", (width) => {
    const text = table(COLUMNS, rows, width);
    expect(widest(text)).toBeLessThanOrEqual(width);
    expect(text.match(new RegExp(ID, "g"))).toHaveLength(2);
    expect(text).toContain("┌");
  });

  test("is as wide as its content if there is room, and cuts nothing", () => {
    const text = table(COLUMNS, rows, Number.POSITIVE_INFINITY);
    expect(text).toContain(URL_TEXT);
    expect(text.split("\n")).toHaveLength(2 + rows.length + 2);
  });

  test("becomes one field per line if the terminal is too narrow", () => {
    const text = table(COLUMNS, rows, 50);
    expect(text).toBe(
      [`id     ${ID}`, `url    ${URL_TEXT}`, "state  enabled"].join("\n") +
        "\n\n" +
        [`id     ${ID}`, "url    https://例え.jp/", "state  disabled"].join("\n"),
    );
  });

  test("escapes control characters of its content", () => {
    const evil = "a\u001b[2Jb\u0007\u202ec\rd\nenabled";
    for (const width of [20, 200]) {
      const text = table(
        [{ name: "x" }, { name: "y" }],
        [[evil, { text: evil, paint: String }]],
        width,
      );
      for (const sign of ["\u001b", "\u0007", "\u202e", "\r"]) expect(text).not.toContain(sign);
      // Nor forge a row or a field.
      expect(text).toContain("\\u001b[2Jb\\u0007\\u202ec\\rd\\nenabled");
    }
  });
});

test("formats an empty value as a dash", () => {
  expect(
    details([
      ["a", ""],
      ["bcd", "x"],
    ]),
  ).toBe("a    –\nbcd  x");
});
