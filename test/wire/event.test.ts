import { describe, expect, test } from "bun:test";
import {
  elementText,
  readElement,
  type Event,
  type EventLimits,
  type Rejection,
} from "../../src/wire/event.ts";
import { texts as dataTexts } from "../vectors/data-texts.json";
import { JsonWriter, seededRandom } from "./seeded-random.ts";

const OPEN: EventLimits = { maxEventBytes: 262_144, eventTypes: "open" };
const GOOD = { user_id: "u_1", event: "file.created", data: { a: 1 } };
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

function bytesOf(element: unknown): Uint8Array {
  return new TextEncoder().encode(typeof element === "string" ? element : JSON.stringify(element));
}

function accepted(element: unknown, limits = OPEN): Event {
  const reading = readElement(bytesOf(element), limits);
  if (!reading.ok) throw new Error(reading.rejection.message);
  return reading.event;
}

function rejection(element: unknown, limits = OPEN): Rejection {
  const reading = readElement(element instanceof Uint8Array ? element : bytesOf(element), limits);
  if (reading.ok) throw new Error("the element was accepted");
  return reading.rejection;
}

describe("readElement accepts", () => {
  test("a user's event", () => {
    expect(accepted(GOOD)).toEqual({ userId: "u_1", type: "file.created", data: '{"a":1}' });
  });

  test("every known field", () => {
    expect(
      accepted({
        ...GOOD,
        org_id: "o_1",
        id: "evt-1_A",
        timestamp: "2026-01-31T12:00:00+01:00",
        traceparent: TRACEPARENT,
      }),
    ).toEqual({
      userId: "u_1",
      orgId: "o_1",
      type: "file.created",
      id: "evt-1_A",
      timestamp: "2026-01-31T12:00:00+01:00",
      traceparent: TRACEPARENT,
      data: '{"a":1}',
    });
  });

  test("an organisation's event without a user", () => {
    expect(accepted({ ...GOOD, user_id: undefined, org_id: "o_1" })).toEqual({
      orgId: "o_1",
      type: "file.created",
      data: '{"a":1}',
    });
  });

  test("and ignores unknown fields, even repeated ones", () => {
    const text = '{"x":[1],"user_id":"u","__proto__":{"org_id":"o"},"event":"e","x":2,"data":{}}';
    expect(accepted(text)).toEqual({ userId: "u", type: "e", data: "{}" });
  });

  test("known fields whose names are written with escapes", () => {
    const text = String.raw`{"user\u005fid":"u","\u0065vent":"e","d\u0061ta":{"b":1.0}}`;
    expect(accepted(text)).toEqual({ userId: "u", type: "e", data: '{"b":1.0}' });
  });

  test("white space around everything", () => {
    expect(accepted(' \n{ "user_id" :"u",\t"event": "e" , "data" : { } \r\n} ').data).toBe("{ }");
  });

  test("an element of exactly the largest size", () => {
    const bytes = bytesOf(GOOD);
    const limits = { ...OPEN, maxEventBytes: bytes.length };
    expect(readElement(bytes, limits).ok).toBe(true);
  });

  test("a type of the catalogue", () => {
    const limits = { ...OPEN, eventTypes: new Set(["file.created"]) };
    expect(accepted(GOOD, limits).type).toBe("file.created");
  });

  test("an element after one that was not UTF-8", () => {
    rejection(new Uint8Array([0x7b, 0xe2, 0x82]));
    expect(accepted(GOOD).type).toBe("file.created");
  });
});

describe("data is sent exactly as it was received", () => {
  test.each(dataTexts)("%s", (data) => {
    const text = `{"data":${data},"event":"e","user_id":"u"}`;
    expect(accepted(text).data).toBe(data);
    expect(accepted(text.replace(":", " :\n ")).data).toBe(data);
  });

  test("regardless of the other fields", () => {
    const writer = new JsonWriter(seededRandom(7));
    for (let round = 0; round < 1_000; round++) {
      const data = writer.object(4);
      const members: [string, string][] = [
        [writer.pick(['"user_id"', String.raw`"user\u005fid"`]), '"u"'],
        ['"event"', '"e"'],
        [`"x${writer.string().slice(1)}`, writer.value(3)],
      ];
      members.splice(round % 4, 0, ['"data"', data]);
      const text = writer.members(members);
      const read = accepted(text).data;
      expect(read).toBe(data);
      expect(JSON.parse(read)).toEqual((JSON.parse(text) as { data: unknown }).data);
    }
  });
});

describe("readElement rejects the whole element", () => {
  test.each<[claim: string, element: unknown, reason: Rejection["reason"]]>([
    ["without a byte", "", "empty"],
    ["of white space", " \n", "not-json"],
    ["larger than allowed", { ...GOOD, data: { a: "x".repeat(262_144) } }, "too-large"],
    ["in Latin-1", new Uint8Array([0x22, 0xe9, 0x22]), "not-utf8"],
    ["with an overlong form", new Uint8Array([0x22, 0xc0, 0x80, 0x22]), "not-utf8"],
    ["with a surrogate in UTF-8", new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), "not-utf8"],
    ["with a byte order mark", `\ufeff${JSON.stringify(GOOD)}`, "not-json"],
    ["that is cut off", '{"user_id":"u"', "not-json"],
    ["with something behind it", `${JSON.stringify(GOOD)}x`, "not-json"],
    ["with a raw line feed in a string", '{"user_id":"a\nb"}', "not-json"],
    ["with a NUL behind it", `${JSON.stringify(GOOD)}\0`, "not-json"],
    ["with single quotes", "{'user_id':'u'}", "not-json"],
    ["with NaN", '{"data":{"a":NaN}}', "not-json"],
    ["with unpaired nesting", "[".repeat(100_000), "not-json"],
    ["that is an array", [GOOD], "not-an-object"],
    ["that is null", "null", "not-an-object"],
    ["that is a string", '"file.created"', "not-an-object"],
    ["that is a number", "1", "not-an-object"],
  ])("%s", (_claim, element, reason) => {
    const found = rejection(element);
    expect(found).toMatchObject({ reason, field: null });
    expect(found.message.length).toBeLessThan(300);
  });

  test("without crashing if it is nested too deeply", () => {
    const element = bytesOf(`{"data":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`);
    const reading = readElement(element, { ...OPEN, maxEventBytes: 1e6 });
    expect(reading.ok).toBe(false);
  });
});

describe("readElement rejects a repeated known field", () => {
  test.each([
    ["user_id", '{"user_id":"u","user_id":"u","event":"e","data":{}}'],
    ["data", '{"user_id":"u","event":"e","data":{},"data":{}}'],
    ["event", String.raw`{"user_id":"u","event":"e","\u0065vent":"e","data":{}}`],
    ["traceparent", '{"traceparent":1,"traceparent":2}'],
  ])("%s", (field, text) => {
    expect(rejection(text)).toMatchObject({ reason: "duplicate-field", field });
  });
});

describe("readElement rejects the field", () => {
  const bad: [field: string, values: unknown[]][] = [
    [
      "user_id",
      [1, true, null, [], {}, "", "a b", "a\nb", "a\0", "{u}", "u}", "\ud800", "a".repeat(129)],
    ],
    ["org_id", [1, null, "", "o 1", "{o", "é".repeat(65)]],
    [
      "event",
      [undefined, null, 1, [], "", "file created", "file.", ".", "file.*", "a".repeat(129)],
    ],
    ["data", [undefined, null, 1, true, "text", "{}", [], [{}]]],
    ["id", [null, 1, "", "a.b", "a b", "ä", "a".repeat(129)]],
    ["timestamp", [null, 1_769_860_800, "", "yesterday", "2026-02-30T00:00:00Z"]],
    ["traceparent", [null, "", "00-0-0-0", `${TRACEPARENT}-more`]],
  ];
  const rows = bad.flatMap(([field, values]) => values.map((value) => [field, value] as const));

  test.each(rows)("%s: %p", (field, value) => {
    const found = rejection({ ...GOOD, [field]: value });
    expect(found).toMatchObject({ reason: "invalid-field", field });
    expect(found.message).toStartWith(`${field} must be `);
    expect(found.message).toContain("; found ");
    expect(found.message).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]+$/u);
  });

  test("user_id if both it and org_id are missing", () => {
    expect(rejection({ event: "e", data: {} })).toEqual({
      reason: "no-owner",
      field: "user_id",
      message: "user_id or org_id is required",
    });
  });

  test("event if it is not in the catalogue that is set", () => {
    const limits = { ...OPEN, eventTypes: new Set(["file.created", "file.deleted"]) };
    expect(rejection({ ...GOOD, event: "file.moved" }, limits)).toEqual({
      reason: "unknown-event-type",
      field: "event",
      message:
        'event "file.moved" is not in the catalogue; accepted are file.created, file.deleted',
    });
  });
});

describe("an error message of readElement", () => {
  test("names the field, what was found and what is accepted", () => {
    expect(rejection({ ...GOOD, user_id: "a\tb" }).message).toBe(
      'user_id must be 1 to 128 bytes without control characters, spaces or braces, and not "." or ".."; found "a\\tb"',
    );
    expect(rejection({ ...GOOD, data: [1] }).message).toBe(
      "data must be a JSON object; found an array",
    );
  });

  test("is short even for a long value", () => {
    expect(rejection({ ...GOOD, event: "x".repeat(200_000) }).message.length).toBeLessThan(250);
    expect(rejection("x".repeat(200_000)).message.length).toBeLessThan(300);
  });
});

describe("elementText writes an element that", () => {
  test.each(dataTexts)("is read back as the same event, with data %s", (data) => {
    const full: Event & { id: string } = {
      userId: 'u"\\1',
      orgId: "o_1",
      type: "file.created",
      id: "evt_1",
      timestamp: "2026-01-31T12:00:00Z",
      traceparent: TRACEPARENT,
      data,
    };
    expect(accepted(elementText(full))).toEqual(full);
    const least: Event & { id: string } = { orgId: "o_1", type: "e", id: "1", data };
    expect(accepted(elementText(least))).toEqual(least);
  });
});
