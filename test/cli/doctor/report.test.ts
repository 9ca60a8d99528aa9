import { describe, expect, test } from "bun:test";
import {
  asksValkey,
  ok,
  problem,
  runChecks,
  skipped,
  together,
  warning,
  type Check,
  type CheckResult,
  type Context,
} from "../../../src/cli/doctor/check.ts";
import { jsonReport, textReport, worst } from "../../../src/cli/doctor/report.ts";
import { readSettings } from "../../../src/config/settings.ts";
import { ValkeyUnavailable } from "../../../src/valkey/connection/errors.ts";

const results: CheckResult[] = [
  { check: "settings", ...ok("2 set") },
  { check: "valkey-memory", ...warning("no limit", "set maxmemory to what the machine can spare") },
  { check: "egress", ...problem("one\ntwo", `open ${"verylong".repeat(12)}`) },
  { check: "dns", ...skipped("no names") },
];
const plain = (text: string) => Bun.stripANSI(text);

describe("the table", () => {
  test.each([80, 100, 200])("has every word, and fits %d columns", (columns) => {
    const text = plain(textReport(results, columns));
    for (const line of text.split("\n")) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
    const cells = text.replaceAll(/[│\s]/g, "");
    const column = (n: number) =>
      text
        .split("\n")
        .map((line) => line.split("│")[n]?.trim() ?? "")
        .join(" ")
        .replaceAll(/\s+/g, " ");
    for (const word of ["✓settings", "!valkey-memory", "✗egress", "-dns"]) {
      expect(cells).toContain(word);
    }
    expect(column(3)).toContain("set maxmemory to what the machine can spare");
    // Longer than any line: it is broken, not cut off.
    expect(column(3).replaceAll(" ", "")).toContain("verylong".repeat(12));
    expect(text).not.toContain("…");
  });

  test("becomes a list on a narrow terminal", () => {
    expect(plain(textReport(results, 60)).split("\n").slice(0, 8)).toEqual([
      "✓ settings",
      "  2 set",
      "! valkey-memory",
      "  no limit",
      "  → set maxmemory to what the machine can spare",
      "✗ egress",
      "  one",
      "  two",
    ]);
  });

  test("ends with the counts", () => {
    expect(plain(textReport(results, 100))).toEndWith("\n1 problem, 1 warning, 1 ok, 1 skipped");
    expect(plain(textReport([], 60))).toEndWith("0 problems, 0 warnings, 0 ok, 0 skipped");
  });

  test("escapes foreign control characters", () => {
    const hostile = [{ check: "valkey", ...problem("\u001b[2J\u202egone\r\nyes", "\u0007") }];
    for (const columns of [60, 120]) {
      const text = plain(textReport(hostile, columns));
      // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
      expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e]/);
      expect(text).toContain("gone");
    }
  });
});

test("JSON has the same results and the worst status", () => {
  expect(JSON.parse(jsonReport(results))).toEqual({
    version: expect.any(String),
    status: "problem",
    checks: results,
  });
  expect(worst(results.slice(0, 2))).toBe("warning");
  expect(worst([{ check: "dns", ...skipped("") }])).toBe("ok");
});

describe("merged findings", () => {
  test("have the worst status, all texts, and each advice once", () => {
    expect(together([ok("a"), warning("b", "do"), warning("c", "do")])).toEqual({
      status: "warning",
      found: "a\nb\nc",
      advice: "do",
    });
  });

  test("rank skipped below ok", () => {
    expect(together([skipped("a"), ok("b")]).status).toBe("ok");
  });
});

describe("checks", () => {
  const context: Context = {
    settings: readSettings({}),
    valkey: { isUp: false, why: "ECONNREFUSED" },
  };
  const check = (name: string, look: Check["look"], reads: Check["reads"] = []): Check => ({
    name,
    reads,
    look,
  });

  test("run in order, even if others fail", async () => {
    const ran = await runChecks(
      [
        check("throws", () => {
          throw new TypeError("ours");
        }),
        check("hangs", () => new Promise(() => {})),
        check("rejects", async () => {
          throw new ValkeyUnavailable("no answer in time");
        }),
        check("refused", async () => {
          throw new Error("NOPERM No permissions to access a key");
        }),
        check(
          "valkey",
          asksValkey(() => ok("never")),
        ),
        check("wrong", () => ok("never"), ["PREFIX", "PORT"]),
        check("fine", () => ok("yes"), ["PREFIX"]),
      ],
      context,
      new Set(["PORT"]),
      50,
    );
    expect(ran.map((one) => [one.check, one.status, one.found])).toEqual([
      ["throws", "problem", "the check itself failed: ours"],
      ["hangs", "problem", "no answer within 0.05 s"],
      ["rejects", "problem", "Valkey went away: no answer in time"],
      ["refused", "problem", "Valkey denies Fluxhook's keys to this user (NOPERM)"],
      ["valkey", "skipped", "no Valkey: ECONNREFUSED"],
      ["wrong", "skipped", "FLUXHOOK_PORT is wrong"],
      ["fine", "ok", "yes"],
    ]);
  });
});
