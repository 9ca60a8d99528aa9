// The security page says what the code does: its ranges, settings, routes, files and checks.
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { examine } from "../../src/cli/doctor/doctor.ts";
import { checkSettings } from "../../src/cli/doctor/settings-check.ts";
import { settingRows } from "../../src/config/settings.ts";
import { checkAddress, parseRange } from "../../src/delivery/guard/address.ts";
import { apiScene, closeScenes } from "../api/api-scene.ts";

const ROOT = join(import.meta.dir, "../..");
const read = (file: string) => Bun.file(join(ROOT, file)).text();
const page = await read("docs/security.md");
const policy = await read("SECURITY.md");
const operations = await read("docs/operations.md");
afterAll(closeScenes);

/** The ranges of the page's tables of what is denied. */
const section = page.slice(page.indexOf("## What is denied"), page.indexOf("### Open one network"));
const RANGE = /`([0-9a-f.:]+\/\d+)`/g;
const named = [...section.matchAll(RANGE)].map(([, range = ""]) => range);

describe("what is denied", () => {
  test("is on the page, every range of address.ts", async () => {
    const source = await read("src/delivery/guard/address.ts");
    const ranges = [...source.matchAll(/(?:named\("[^"]+", |parseCIDR\()"([^"]+)"/g)].map(
      ([, range = ""]) => range,
    );
    expect(ranges.length).toBeGreaterThan(25);
    // The IPv4 inside of these is looked at by other parts of Fluxhook, not denied as a range.
    const others = ["::/96"];
    expect(ranges.filter((range) => !named.includes(range) && !others.includes(range))).toEqual([]);
  });

  test("is denied, first address and last, whatever the page names", () => {
    const judged = ["2000::/3", "::ffff:0:0/96", "64:ff9b::/96"];
    for (const range of named.filter((one) => !judged.includes(one))) {
      const [address, bits] = parseRange(range);
      const bytes = address.toByteArray();
      const last = bytes.map((byte, i) => byte | (0xff >> Math.min(8, Math.max(0, bits - i * 8))));
      for (const end of [bytes, last]) {
        expect([range, checkAddress(Uint8Array.from(end)).verdict]).toEqual([range, "denied"]);
      }
    }
  });
});

test("every setting that the pages name exists", () => {
  const names = new Set(settingRows().map(({ name }) => name));
  const mentioned = (page + policy).match(/FLUXHOOK_[A-Z_]+[A-Z]/g) ?? [];
  expect(mentioned.length).toBeGreaterThan(10);
  expect(mentioned.filter((name) => !names.has(name))).toEqual([]);
});

test("every route that the page names is answered", async () => {
  const answered = (await apiScene()).app.routes.map(
    ({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`,
  );
  const mentioned = [...page.matchAll(/`((?:GET|POST|PUT|PATCH|DELETE) \/[^`]+)`/g)];
  expect(mentioned.length).toBeGreaterThan(0);
  for (const [, route] of mentioned) expect(answered).toContain(route!);
});

test("every row of the threat model names its code and a test", () => {
  const table = page.slice(page.indexOf("## Who wants what"), page.indexOf("## What is denied"));
  const rows = table.split("\n").filter((line) => /^\| (?!who |-)/.test(line));
  expect(rows.length).toBeGreaterThan(12);
  for (const row of rows) {
    const [, , , , code = "", proof = ""] = row.split("|");
    expect([row, code]).toEqual([row, expect.stringContaining("](../src/")]);
    expect([row, proof]).toEqual([row, expect.stringContaining("](../test/")]);
  }
});

test.each(["SECURITY.md"])("every link of %s leads somewhere", async (file) => {
  const links = [...(await read(file)).matchAll(/\]\((?!https?:)([^)#\s]+)/g)];
  for (const [, link = ""] of links) {
    expect([link, await Bun.file(join(ROOT, link)).exists()]).toEqual([link, true]);
  }
});

test("the operations page has every check of the doctor, and no other", async () => {
  const checks = await examine(checkSettings({ FLUXHOOK_VALKEY_URL: "redis://127.0.0.1:1" }));
  const table = operations.slice(
    operations.indexOf("## Check it"),
    operations.indexOf("## What to"),
  );
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const explained = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([a-z-]+)`/g)].map(([, name]) => name),
  );
  expect(new Set(explained)).toEqual(new Set(checks.map(({ check }) => check)));
  expect(explained).toHaveLength(checks.length);
});
