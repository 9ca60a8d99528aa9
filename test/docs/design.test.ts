// docs/design.md is the contract: every name that the schemas know is in it, under its section.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { DIALECT_NAMES, dialectOf, headersOf } from "../../src/wire/dialects/registry.ts";
import { eventSchema, REJECTION_REASONS } from "../../src/wire/event.ts";
import type { Reason } from "../../src/delivery/judge.ts";
import { ATTEMPT_REASONS, logEntrySchema } from "../../src/wire/log-entry.ts";

const ROOT = join(import.meta.dir, "../..");
const page = await Bun.file(join(ROOT, "docs/design.md")).text();

/** The text below a heading, up to the next one of any level. */
function section(heading: string): string {
  const [, text] = new RegExp(`^#+ ${heading}[^\n]*\n([^]*?)(?=^#|$(?![^]))`, "m").exec(page) ?? [];
  if (text === undefined) throw new Error(`docs/design.md has no section ${heading}`);
  return text;
}

const unnamed = (names: readonly string[], text: string) =>
  names.filter((name) => !text.includes(`\`${name}\``));

describe("docs/design.md", () => {
  test("names every field of an event, and every reason to reject one", () => {
    const list = section("2\\.1");
    expect(unnamed(Object.keys(eventSchema.shape), list)).toEqual([]);
    expect(unnamed(REJECTION_REASONS, list)).toEqual([]);
  });

  test("names every field of a log entry", () => {
    expect(unnamed(Object.keys(logEntrySchema.shape), section("2\\.2"))).toEqual([]);
  });

  test("names every dialect with each of its headers", () => {
    const rows = section("2\\.3").split("\n");
    for (const name of DIALECT_NAMES) {
      const row = rows.find((line) => line.startsWith(`| \`${name}\``)) ?? "";
      const headers = headersOf([dialectOf(name)]);
      const cell = headers.length > 0 ? headers : ["none"];
      expect(cell.filter((header) => !row.includes(header))).toEqual([]);
    }
  });

  test("names every reason of an attempt", () => {
    // The compiler holds that the list has exactly the reasons that `judge` gives.
    type Named = Exclude<Reason, `http-${number}`>;
    const listed: readonly Named[] = ATTEMPT_REASONS;
    const none: readonly Named[] = [];
    const judged: readonly (typeof ATTEMPT_REASONS)[number][] = none;
    expect(unnamed([...listed, ...judged], section("2\\.4"))).toEqual([]);
  });

  test("numbers the ten guarantees as the README does", async () => {
    const readme = await Bun.file(join(ROOT, "README.md")).text();
    const titles = (text: string) => text.match(/^\d+\. \*\*[^*]+\*\*/gm);
    expect(titles(section("3\\. Guarantees"))).toHaveLength(10);
    expect(titles(section("3\\. Guarantees"))).toEqual(titles(readme));
  });

  test("has no guarantee that the source cites and the page lacks", async () => {
    const sources = [...new Bun.Glob("src/**/*.{ts,lua}").scanSync(ROOT)];
    const texts = await Promise.all(sources.map((file) => Bun.file(join(ROOT, file)).text()));
    const cited = texts.join("\n").matchAll(/[Gg]uarantees? (\d+)(?: and (\d+))?/g);
    const numbers = [...cited].flatMap(([, a, b]) => [Number(a), ...(b ? [Number(b)] : [])]);
    expect(numbers.length).toBeGreaterThan(20);
    expect(numbers.filter((number) => !(number >= 1 && number <= 10))).toEqual([]);
  });
});
