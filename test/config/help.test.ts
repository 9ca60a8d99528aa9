import { expect, test } from "bun:test";
import { settingsHelp, settingsTable } from "../../src/config/help.ts";
import { settingRows } from "../../src/config/settings.ts";

const text = (lines: string) => lines.replaceAll(/\s+/g, " ");

test("--help names every setting with its default and description within 100 columns", () => {
  const help = settingsHelp();
  for (const { name, fallback, description } of settingRows()) {
    const shown = fallback === "" ? "" : ` [${fallback}]`;
    expect(text(help)).toContain(` ${name} ${description.replaceAll("`", "")}${shown}`);
  }
  for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
});

test("a wrapped description is aligned", () => {
  const lines = settingsHelp().split("\n");
  const at = lines.findIndex((line) => line.includes("FLUXHOOK_EGRESS_ALLOW"));
  const column = lines[at]!.indexOf("address ranges");
  expect(lines[at + 1]).toMatch(new RegExp(`^ {${column}}\\S`));
});

test("the README's table has a row for each setting", () => {
  const [head, rule, ...rows] = settingsTable().split("\n");
  expect([head, rule]).toEqual(["| setting | default | |", "| --- | --- | --- |"]);
  expect(rows).toHaveLength(settingRows().length);
  expect(rows).toContain(
    "| `FLUXHOOK_CLAIM` | `safe` | `safe`: nothing is lost in a crash; `blpop`: plain BLPOP, at most once |",
  );
  expect(rows).toContain(
    "| `FLUXHOOK_API_TOKEN` |  | the bearer token of the API; required by `serve`; to change it without cutting anybody off `new,old`: both are accepted, the first one signs tokens; or `FLUXHOOK_API_TOKEN_FILE`: a file that contains it |",
  );
});
