import { describe, expect, test } from "bun:test";
import { arrayPieces, objectMembers, trimJson } from "../../src/wire/json-spans.ts";
import { atOnce } from "../../src/wire/steps.ts";
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

  test("throws at an unclosed string and does not loop for ever", () => {
    expect(() => objectMembers('{"a":["')).toThrow("JSON.parse");
  });
});

function pieces(text: string): string[] | string {
  const array = atOnce(arrayPieces(text, 1_000));
  if (typeof array === "string") return array;
  expect(array.pieces).toHaveLength(array.count);
  return array.pieces.map(({ start, end }) => trimJson(text.slice(start, end)));
}

describe("arrayPieces", () => {
  test.each<[claim: string, text: string, elements: string[]]>([
    ["finds nothing in an empty array", " [ ] ", []],
    ["takes each element", '[ 1 ,"a]" , {"b":[2]},[]\n]', ["1", '"a]"', '{"b":[2]}', "[]"]],
    ["leaves an empty piece where an element is missing", "[1,,2,]", ["1", "", "2", ""]],
    ["cuts at its own commas only where the text is no JSON", "[{],2]", ["{]", "2"]],
  ])("%s", (_claim, text, elements) => expect(pieces(text)).toEqual(elements));

  test.each(["{}", "1", "", '"["'])("reports that %p is not an array", (text) => {
    expect(pieces(text)).toBe("not-an-array");
  });

  test.each(["[", "[1", "[1}", "[1]]", "[1] x", '["]', "[[1]", "[]{}"])(
    "says that %p is no JSON",
    (text) => expect(pieces(text)).toBe("not-json"),
  );

  test("counts the pieces beyond its maximum", () => {
    expect(atOnce(arrayPieces("[1,2,3,4]", 2))).toMatchObject({
      pieces: [
        { start: 1, end: 2 },
        { start: 3, end: 4 },
      ],
      count: 4,
    });
  });

  test("with JSON.parse of each piece accepts the same mutated arrays as JSON.parse", () => {
    const random = seededRandom(20_261_128);
    const writer = new JsonWriter(random);
    let accepted = 0;
    for (let round = 0; round < 20_000; round++) {
      const array = writer.elements(Array.from({ length: round % 5 }, () => writer.value(3)));
      const at = Math.floor(random() * array.length);
      const piece = writer.pick(["", ",", "]", "[", "{", "}", '"', ":", " ", "\\", "0"]);
      const text = round % 3 === 0 ? array : array.slice(0, at) + piece + array.slice(at + 1);
      const cut = pieces(text);
      const isJson = Array.isArray(cut) && cut.every(parses);
      if (!text.trimStart().startsWith("[")) continue;
      expect([text, isJson]).toEqual([text, parses(text)]);
      if (isJson) accepted++;
    }
    expect(accepted).toBeGreaterThan(5_000);
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test("objectMembers and arrayPieces find the written texts in random JSON", () => {
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
    expect(pieces(array)).toEqual(values);
  }
});
