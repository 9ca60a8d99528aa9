import { describe, expect, test } from "bun:test";
import { readValues } from "../../src/expressions/read-values.ts";
import { writeJson } from "../../src/expressions/write-json.ts";
import { JsonWriter, seededRandom } from "../wire/seeded-random.ts";

describe("readValues", () => {
  test.each<[claim: string, text: string, value: unknown]>([
    ["reads a safe integer as a number", "9007199254740991", 9007199254740991],
    ["reads the first unsafe integer as a BigInt", "9007199254740992", 9007199254740992n],
    ["reads a negative big integer", "-12345678901234567890", -12345678901234567890n],
    ["reads -0", "[-0,1234567890123456789]", [-0, 1234567890123456789n]],
    ["reads a long fraction as a number", "0.12345678901234567890", 0.12345678901234568],
    [
      "reads an exponent as a number",
      "[1e400,12345678901234567890]",
      [Infinity, 12345678901234567890n],
    ],
    ["reads 1,000 digits exactly", "9".repeat(1_000), BigInt("9".repeat(1_000))],
    ["reads 1,001 digits as JSON.parse does", "9".repeat(1_001), Infinity],
    [
      "reads an object with a key constructor as a Map",
      '{"a":1,"constructor":2}',
      new Map([
        ["a", 1],
        ["constructor", 2],
      ]),
    ],
    [
      "reads an object with an escaped key constructor as a Map",
      String.raw`{"\u0063onstructor":2}`,
      new Map([["constructor", 2]]),
    ],
    [
      "reads an object with a key __proto__ as a Map",
      '{"__proto__":{"x":1}}',
      new Map([["__proto__", { x: 1 }]]),
    ],
    [
      "reads words and white space",
      ' [ true , false,null , "constructor" ] ',
      [true, false, null, "constructor"],
    ],
    [
      "takes the last of a key that is there twice",
      '{"a":1,"a":1234567890123456789}',
      { a: 1234567890123456789n },
    ],
    [
      "reads texts with escapes",
      String.raw`["\"\\","\u0041\\",1234567890123456789]`,
      ['"\\', "A\\", 1234567890123456789n],
    ],
  ])("%s", (_claim, text, value) => {
    JSON.parse(text);
    expect(readValues(text)).toEqual(value);
  });

  test("has no prototype changed by __proto__", () => {
    readValues('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test("agrees with JSON.parse on random JSON", () => {
    const writer = new JsonWriter(seededRandom(5));
    for (let round = 0; round < 2_000; round++) {
      // The first element makes it take the own reader.
      const text = writer.elements(['"constructor"', writer.value(4), writer.value(2)]);
      expect(numbersOf(readValues(text))).toEqual(JSON.parse(text));
    }
  });
});

/** BigInts as the numbers that JSON.parse gives. */
function numbersOf(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(numbersOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, numbersOf(one)]));
}

describe("writeJson", () => {
  test.each<[claim: string, value: unknown, json: string]>([
    ["writes a BigInt", [12345678901234567890n], "[12345678901234567890]"],
    ["writes a Map", new Map<string, unknown>([["__proto__", 1]]), '{"__proto__":1}'],
    ["writes a Date as RFC 3339", new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ["writes half of a surrogate pair as an escape", "\ud800", String.raw`"\ud800"`],
    ["writes nested values", { a: [null, true, { b: "c" }] }, '{"a":[null,true,{"b":"c"}]}'],
  ])("%s", (_claim, value, json) => {
    expect(writeJson(value, 100)).toEqual({ ok: true, json });
  });

  test.each<[claim: string, value: unknown]>([
    ["undefined", undefined],
    ["a function", () => 1],
    ["NaN", Number.NaN],
    ["bytes", new Uint8Array(1)],
    ["an object of a class", new URL("http://x")],
    ["a date that is none", new Date(Number.NaN)],
  ])("refuses %s", (_claim, value) => {
    expect(writeJson([value], 100)).toMatchObject({ ok: false, reason: "not-json" });
  });
});
