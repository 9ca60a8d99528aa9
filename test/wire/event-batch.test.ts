import { describe, expect, test } from "bun:test";
import { readEvents, type BatchLimits, type EventError } from "../../src/wire/event-batch.ts";
import { elementText, readElement } from "../../src/wire/event.ts";

const LIMITS: BatchLimits = { maxEventBytes: 1_000, eventTypes: "open", newId: () => "evt_new" };
const GOOD = { user_id: "u_1", event: "file.created", data: { a: 1 } };

function many(count: number, event: object): object[] {
  return Array.from({ length: count }, () => event);
}

function errors(body: unknown, limits = LIMITS): EventError[] {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const reading = readEvents(text, limits);
  if (reading.ok) throw new Error("the body was accepted");
  return reading.errors;
}

describe("readEvents accepts", () => {
  test("one event, and generates its id", () => {
    expect(readEvents(JSON.stringify(GOOD), LIMITS)).toEqual({
      ok: true,
      events: [{ userId: "u_1", type: "file.created", id: "evt_new", data: '{"a":1}' }],
    });
  });

  test("an array in order, with data and given ids unchanged", () => {
    const text = `[ {"user_id":"u","event":"a","data":{ "n":1.0 }},
      {"data":{"n":12345678901234567890},"id":"mine","org_id":"o","event":"b"} ]`;
    expect(readEvents(text, LIMITS)).toEqual({
      ok: true,
      events: [
        { userId: "u", type: "a", id: "evt_new", data: '{ "n":1.0 }' },
        { orgId: "o", type: "b", id: "mine", data: '{"n":12345678901234567890}' },
      ],
    });
  });

  test("1,000 events", () => {
    const reading = readEvents(JSON.stringify(many(1_000, GOOD)), LIMITS);
    expect(reading.ok && reading.events.length).toBe(1_000);
  });
});

describe("readEvents refuses", () => {
  test("text that is not JSON", () => {
    expect(errors('[{"user_id":')).toEqual([
      { field: "", code: "not-json", message: expect.stringContaining("not JSON") },
    ]);
  });

  test.each([
    ["none", []],
    ["1,001 events", many(1_001, GOOD)],
  ])("an array of %s", (_claim, body) => {
    expect(errors(body)).toEqual([
      { field: "", code: "wrong-count", message: expect.stringContaining("1 to 1000") },
    ]);
  });

  test.each(["1", "null", '"event"'])("the body %s", (body) => {
    expect(errors(body)).toMatchObject([{ field: "", code: "not-an-object" }]);
  });

  test("one faulty field and names it", () => {
    expect(errors({ ...GOOD, event: "a b" })).toMatchObject([
      { field: "event", code: "invalid-field" },
    ]);
  });

  test("all events if some are invalid, with the position of each fault", () => {
    const body = [GOOD, { ...GOOD, event: "", data: [] }, 5, GOOD, { event: "e", data: {} }];
    expect(errors(body).map(({ field, code }) => [field, code])).toEqual([
      ["1.event", "invalid-field"],
      ["1.data", "invalid-field"],
      ["2", "not-an-object"],
      ["4.user_id", "no-owner"],
    ]);
  });

  test("a repeated field inside an array", () => {
    const text = `[${JSON.stringify(GOOD)},{"user_id":"u","event":"e","event":"e","data":{}}]`;
    expect(errors(text)).toMatchObject([{ field: "1.event", code: "duplicate-field" }]);
  });

  test("a field that is repeated very often, with one error", () => {
    const text = `{${'"id":1,'.repeat(200_000)}"data":{}}`;
    const limits = { ...LIMITS, maxEventBytes: 2_000_000 };
    expect(errors(text, limits)).toMatchObject([{ field: "id", code: "duplicate-field" }]);
  });

  test.each([
    ["an event's white space", `{"user_id":"u",${" ".repeat(1_000)}"event":"e","data":{}}`],
    ["a field that is ignored", `{"more":"${"x".repeat(1_000)}",${JSON.stringify(GOOD).slice(1)}`],
  ])("an event that only %s makes too large, as the list does", (_claim, event) => {
    expect(errors(event)).toMatchObject([{ field: "", code: "too-large" }]);
    expect(readElement(new TextEncoder().encode(event), LIMITS)).toMatchObject({
      rejection: { reason: "too-large" },
    });
    expect(errors(`[${event}]`)).toMatchObject([{ field: "0", code: "too-large" }]);
  });

  test.each(["[1,]", "[,]", "[{}{}]", "[{} x]", "[1]]", '[{"a":]}]', "[[}]"])(
    "%p as no JSON, whatever its other elements are",
    (text) => {
      expect(errors(text)).toMatchObject([{ field: "", code: "not-json" }]);
    },
  );

  test("a type that is not in the catalogue", () => {
    const limits = { ...LIMITS, eventTypes: new Set(["other"]) };
    expect(errors([GOOD], limits)).toMatchObject([
      { field: "0.event", code: "unknown-event-type" },
    ]);
  });

  test("with a limited number of errors", () => {
    expect(errors(many(1_000, {})).length).toBeLessThan(110);
  });
});

test("readEvents checks the size including the generated id, so the worker accepts what it accepted", () => {
  const event = { ...GOOD, data: { a: "é".repeat(50) } };
  const reading = readEvents(JSON.stringify(event), LIMITS);
  if (!reading.ok || reading.events[0] === undefined) throw new Error("the body was refused");
  const pushed = new TextEncoder().encode(elementText(reading.events[0]));

  const exact = { ...LIMITS, maxEventBytes: pushed.length };
  expect(readEvents(JSON.stringify([event]), exact).ok).toBe(true);
  expect(readElement(pushed, exact).ok).toBe(true);
  expect(errors([event], { ...LIMITS, maxEventBytes: pushed.length - 1 })).toMatchObject([
    { field: "0", code: "too-large" },
  ]);
});
