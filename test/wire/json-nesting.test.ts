import { describe, expect, test } from "bun:test";
import { MAX_DEPTH, measureNesting, tooDeepMessage } from "../../src/wire/json-nesting.ts";
import { atOnce } from "../../src/wire/steps.ts";
import { JsonWriter, seededRandom } from "./seeded-random.ts";

function nesting(text: string) {
  return atOnce(measureNesting(text));
}

function nested(levels: number, inner = ""): string {
  return "[".repeat(levels) + inner + "]".repeat(levels);
}

test.each<[text: string, depth: number]>([
  ["1", 0],
  ["[]", 1],
  ['{"a":{"b":[]}}', 3],
  ["[[],[[]],[]]", 3],
  ['"[[[["', 0],
  [String.raw`["\"[[["]`, 1],
  [String.raw`["\\",[["\\\""]]]`, 3],
  ["]]]][", 1],
])("measureNesting finds in %p the depth %p", (text, depth) => {
  expect(nesting(text).depth).toBe(depth);
});

test("measureNesting accepts 64 levels and no more", () => {
  expect(nesting(nested(MAX_DEPTH)).tooDeep).toBeNull();
  expect(nesting(nested(MAX_DEPTH + 1)).tooDeep).toMatchObject({ position: MAX_DEPTH });
});

describe("measureNesting names the field that is nested too deep", () => {
  test.each<[field: string, text: string]>([
    ["data.a", `{"user_id":"u","data":{"b":[1],"a":${nested(70)}}}`],
    ["2.data", `[{"data":[]},[],{"x":",:","data":${nested(70)}}]`],
    ["data.0", `{"data":${nested(70)}}`],
    ["0.0", nested(70)],
  ])("%s", (field, text) => {
    // The second level of `2.data` is that of the event.
    expect(nesting(text).tooDeep?.field).toBe(field);
  });
});

test("the message names the found depth, the limit and the position", () => {
  const message = tooDeepMessage(nesting(`{"a":${nested(99)}}`));
  expect(message).toContain("100 levels");
  expect(message).toContain("at most 64");
  expect(message).toContain("character 68");
});

test("measureNesting adds up the steps of a long text", () => {
  const filler = `"${'[\\"'.repeat(100_000)}"`;
  expect(nesting(`[${filler},[${filler},[[]]]]`)).toMatchObject({ depth: 4, tooDeep: null });
});

test("measureNesting finds the depth of random JSON, and at least as many values as JSON.parse", () => {
  const writer = new JsonWriter(seededRandom(64));
  for (let round = 0; round < 2_000; round++) {
    const text = writer.value(6);
    const counted = { depth: 0, values: 0 };
    walk(JSON.parse(text), 0, counted);
    const found = nesting(text);
    // A key that stands twice is one member in the value.
    expect(found.depth).toBeGreaterThanOrEqual(counted.depth);
    expect(found.values).toBeGreaterThanOrEqual(counted.values);
  }
});

function walk(value: unknown, depth: number, counted: { depth: number; values: number }): void {
  counted.values++;
  if (typeof value !== "object" || value === null) return;
  counted.depth = Math.max(counted.depth, depth + 1);
  for (const inner of Object.values(value)) walk(inner, depth + 1, counted);
}
