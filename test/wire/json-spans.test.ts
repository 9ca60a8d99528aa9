import { describe, expect, test } from "bun:test";
import { arrayElements, objectMembers } from "../../src/wire/json-spans.ts";
import { JsonWriter, seededRandom } from "./seeded-random.ts";

function membersOf(text: string): [string, string][] {
  JSON.parse(text);
  return objectMembers(text).map(({ key, start, end }) => [key, text.slice(start, end)]);
}

describe("objectMembers", () => {
  test.each<[claim: string, text: string, members: [string, string][]]>([
    ["finds nothing in an empty object", " { \n} ", []],
    [
      "takes the value without the white space around it",
      '{"a" :\t 1\r\n, "b":2 }',
      [
        ["a", "1"],
        ["b", "2"],
      ],
    ],
    [
      "lists a key that stands twice, twice",
      '{"a":1,"a":2}',
      [
        ["a", "1"],
        ["a", "2"],
      ],
    ],
    [
      "decodes an escaped key",
      String.raw`{"user\u005fid":"u","\"":0}`,
      [
        ["user_id", '"u"'],
        ['"', "0"],
      ],
    ],
    [
      "does not end a string at an escaped quote",
      String.raw`{"a":"x\"},","b":1}`,
      [
        ["a", String.raw`"x\"},"`],
        ["b", "1"],
      ],
    ],
    [
      "ends a string after an even run of backslashes",
      String.raw`{"a":"\\\\","b":1}`,
      [
        ["a", String.raw`"\\\\"`],
        ["b", "1"],
      ],
    ],
    [
      "sees no structure inside strings",
      '{"a":{"}":"]"},"b":["{"]}',
      [
        ["a", '{"}":"]"}'],
        ["b", '["{"]'],
      ],
    ],
    [
      "lists top-level members only",
      '{"a":{"b":{"c":1}},"d":[{"e":1}]}',
      [
        ["a", '{"b":{"c":1}}'],
        ["d", '[{"e":1}]'],
      ],
    ],
    ["takes an empty key", '{"":null}', [["", "null"]]],
  ])("%s", (_claim, text, members) => {
    expect(membersOf(text)).toEqual(members);
  });

  test("walks nesting of any depth without a stack", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    const [first, second] = objectMembers(`{"a":${deep},"b":1}`);
    expect(first).toMatchObject({ key: "a", start: 5, end: 5 + deep.length });
    expect(second?.key).toBe("b");
  });

  test("throws at an open string in place of walking for ever", () => {
    expect(() => objectMembers('{"a":["')).toThrow("JSON.parse");
  });
});

describe("arrayElements", () => {
  test.each<[claim: string, text: string, elements: string[]]>([
    ["finds nothing in an empty array", " [ ] ", []],
    [
      "takes each element without the white space around it",
      '[ 1 ,"a]" , {"b":[2]},[]\n]',
      ["1", '"a]"', '{"b":[2]}', "[]"],
    ],
  ])("%s", (_claim, text, elements) => {
    JSON.parse(text);
    expect(arrayElements(text).map(({ start, end }) => text.slice(start, end))).toEqual(elements);
  });
});

test("spans of random JSON are the texts that were written", () => {
  const writer = new JsonWriter(seededRandom(20260131));
  for (let round = 0; round < 2_000; round++) {
    const members = Array.from(
      { length: round % 7 },
      (_, at) => [`"k${at}"`, writer.value(3)] as const,
    );
    const object = writer.members(members);
    expect(membersOf(object)).toEqual(members.map(([key, value]) => [key.slice(1, -1), value]));

    const values = members.map(([, value]) => value);
    const array = writer.elements(values);
    expect(arrayElements(array).map(({ start, end }) => array.slice(start, end))).toEqual(values);
  }
});
