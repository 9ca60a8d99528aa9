import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import { readSettings, SettingsError } from "../../src/config/settings.ts";
import { acceptedEventTypes } from "../../src/wire/dialects/registry.ts";

const folder = mkdtempSync(join(tmpdir(), "fluxhook-catalogue-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "events.json");

function read(content: string | Uint8Array, more: Record<string, string> = {}) {
  writeFileSync(path, content);
  return readSettings({ FLUXHOOK_EVENT_CATALOGUE: path, ...more });
}

function problems(content: string | Uint8Array): readonly string[] {
  try {
    read(content);
  } catch (error) {
    if (error instanceof SettingsError) {
      const start = `FLUXHOOK_EVENT_CATALOGUE names ${JSON.stringify(path).slice(0, 82)}`;
      return error.problems.map((one) => one.replace(`${start}, `, "").replace(start, ""));
    }
    throw error;
  }
  return [];
}

describe("the event catalogue", () => {
  test("is read in its order, with each sample exactly as it was written", () => {
    const { EVENT_CATALOGUE } = read(`[
      {"name": "order.paid", "description": "An order was paid", "group": "Orders",
       "sample": { "amount": 12345678901234567890, "rate": 1.0 } },
      {"name": "ping"}
    ]`);
    expect(EVENT_CATALOGUE).toEqual([
      {
        name: "order.paid",
        description: "An order was paid",
        group: "Orders",
        sample: '{ "amount": 12345678901234567890, "rate": 1.0 }',
      },
      { name: "ping", description: "", group: null, sample: null },
    ]);
  });

  test("is missing unless it is set", () => {
    expect(readSettings({}).EVENT_CATALOGUE).toBeUndefined();
  });

  test("is what FLUXHOOK_EVENT_TYPES=catalogue accepts", () => {
    const settings = read('[{"name":"a.b"}]', { FLUXHOOK_EVENT_TYPES: "catalogue" });
    const accepted = acceptedEventTypes(settings.EVENT_TYPES, settings.EVENT_CATALOGUE);
    expect(accepted).toEqual(new Set(["a.b"]));
    expect(acceptedEventTypes("catalogue")).toContain("file.created");
  });

  test.each<[string, string | Uint8Array, string[]]>([
    ["text that is not JSON", "[", ["which is not JSON"]],
    ["an object", "{}", ['which is not a JSON array such as [{"name":"order.paid"}]']],
    ["no entry", "[]", ["which has no entry"]],
    ["bytes that are not UTF-8", new Uint8Array([0xff]), ["which is not UTF-8 text"]],
    ["more than 1 MiB", " ".repeat(1024 * 1024 + 1), ["which has more than 1048576 bytes"]],
    [
      "1,001 entries",
      JSON.stringify(Array.from({ length: 1001 }, (_, n) => ({ name: `e${n}` }))),
      ["which has more than 1000 entries"],
    ],
    [
      "100 levels",
      `[{"name":"a","sample":${'{"a":'.repeat(100)}1${"}".repeat(100)}}]`,
      ["which is"],
    ],
    [
      "a name that is no event type",
      '[{"name":"a"},{"name":"a b"}]',
      ["entry 1: name: must be words"],
    ],
    ["no name", "[{}]", ["entry 0: name: must be a string"]],
    [
      "a name twice",
      '[{"name":"a"},{"name":"a"}]',
      ['entry 1: name: "a" is the name of entry 0 too'],
    ],
    [
      "an unknown field",
      '[{"name":"a","desc":""}]',
      ['entry 0: "desc" is not a field; accepted are'],
    ],
    [
      "a sample that is no object",
      '[{"name":"a","sample":[]}]',
      ["entry 0: sample: must be a JSON"],
    ],
    [
      "a description of two lines",
      '[{"name":"a","description":"b\\nc"}]',
      ["entry 0: description: "],
    ],
    ["an empty group", '[{"name":"a","group":""}]', ["entry 0: group: must not be empty"]],
    ["a text as entry", '["a"]', ["entry 0: "]],
    ["two faults", '[{"name":1},{"name":"a","group":2}]', ["entry 0: name: ", "entry 1: group: "]],
  ])("is refused with %s, and the entry and the field are named", (_, content, expected) => {
    const found = problems(content);
    expect(found).toHaveLength(expected.length);
    for (const [at, text] of expected.entries()) expect(found[at]).toStartWith(text);
  });

  test("of a file that is missing or a folder is refused with the path", () => {
    for (const [name, why] of [
      ["/nowhere.json", "cannot be read (ENOENT)"],
      [folder, "is not a file"],
    ] as const) {
      const reading = () => readSettings({ FLUXHOOK_EVENT_CATALOGUE: name });
      expect(reading).toThrow(why);
      expect(reading).toThrow(name);
    }
  });

  test("with thousands of faults is refused with the first twenty", () => {
    const found = problems(JSON.stringify(Array.from({ length: 900 }, () => ({ name: 1 }))));
    expect(found).toHaveLength(21);
    expect(found.at(-1)).toBe(": 880 more problems");
  });
});
