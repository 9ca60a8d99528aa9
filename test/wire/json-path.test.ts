import { describe, expect, test } from "bun:test";
import { isDeeperThan, valueAt } from "../../src/wire/json-path.ts";
import { JsonWriter, seededRandom } from "./seeded-random.ts";

describe("valueAt", () => {
  test.each<[claim: string, text: string, path: (string | number)[], value: string | null]>([
    ["returns the text as it was written", '{"a" : 1.10 }', ["a"], "1.10"],
    ["returns the whole value for an empty path", ' {"a":1} ', [], '{"a":1}'],
    ["keeps white space inside the value", '{"a":[ 1,2 ]}', ["a"], "[ 1,2 ]"],
    ["keeps a big integer", '{"a":12345678901234567890}', ["a"], "12345678901234567890"],
    ["walks through objects and arrays", '{"a":[0,{"b":"x"}]}', ["a", 1, "b"], '"x"'],
    ["takes the last of a key that is there twice", '{"a":{"b":1},"a":{"b":2}}', ["a", "b"], "2"],
    [
      "finds nothing where the last of two keys has it not",
      '{"a":{"b":1},"a":{}}',
      ["a", "b"],
      null,
    ],
    [
      "finds nothing where the last of two keys is no object",
      '{"a":{"b":1},"a":3}',
      ["a", "b"],
      null,
    ],
    ["decodes escaped keys", String.raw`{"\u0061":1}`, ["a"], "1"],
    ["finds __proto__ only where it is written", '{"a":1}', ["__proto__"], null],
    ["finds a written __proto__", '{"__proto__":{"x":1}}', ["__proto__", "x"], "1"],
    ["finds no member of an array", "[1]", ["length"], null],
    ["finds no element of an object", '{"0":1}', [0], null],
    ["finds no element past the end", "[1,2]", [2], null],
    ["finds no member of a text", '"abc"', ["length"], null],
    ["tells null from nothing", '{"a":null}', ["a"], "null"],
    ["is not misled by structure in texts", '{"x":"\\"a\\":1","a":2}', ["a"], "2"],
  ])("%s", (_claim, text, path, value) => {
    JSON.parse(text);
    expect(valueAt(text, path)).toBe(value);
  });

  test("skips nesting of any depth without a stack", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    expect(valueAt(`{"a":${deep},"b":1}`, ["b"])).toBe("1");
    expect(valueAt(`{"a":${deep},"b":1}`, ["a"])).toBe(deep);
  });

  test("agrees with JSON.parse on random JSON", () => {
    const writer = new JsonWriter(seededRandom(17));
    for (let round = 0; round < 2_000; round++) {
      const text = writer.object(4);
      const pending: { path: (string | number)[]; value: unknown }[] = [
        { path: [], value: JSON.parse(text) },
      ];
      for (const { path, value } of pending) {
        expect(JSON.parse(valueAt(text, path) ?? "missing")).toEqual(value);
        if (typeof value !== "object" || value === null) continue;
        for (const [key, member] of Object.entries(value)) {
          const step = Array.isArray(value) ? Number(key) : key;
          pending.push({ path: [...path, step], value: member });
        }
      }
    }
  });
});

describe("isDeeperThan", () => {
  test.each<[claim: string, text: string, isDeeper: boolean]>([
    ["counts a scalar as 0", "1", false],
    ["accepts what is as deep as the limit", "[[{}]]", false],
    ["finds what is one deeper", '[[{"a":[]}]]', true],
    ["counts no brackets in texts", '["[[[[[[[\\"[[["]', false],
    ["counts no depth for siblings", "[[],[],[],[]]", false],
    ["takes text that is no JSON", '["[[[[', false],
  ])("%s", (_claim, text, isDeeper) => {
    expect(isDeeperThan(text, 3)).toBe(isDeeper);
  });

  test("counts 500,000 levels without a stack", () => {
    expect(isDeeperThan("[".repeat(500_000), 64)).toBe(true);
  });
});
