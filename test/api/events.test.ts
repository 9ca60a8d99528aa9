import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { readElement } from "../../src/wire/event.ts";
import { apiScene, closeScenes, faultyFields, type ApiScene } from "./api-scene.ts";

afterAll(closeScenes);

const PATH = "/v1/events";
const event = { user_id: "u_1", event: "file.created", data: { a: 1 } };
const LIMITS = { maxEventBytes: 1024, eventTypes: "open" } as const;

let api: ApiScene;
beforeEach(async () => {
  api = await apiScene();
});

/** The events that were pushed, read as the worker reads them. */
async function pushedEvents() {
  return (await api.pushed()).map((element) => {
    const reading = readElement(new TextEncoder().encode(element), LIMITS);
    if (!reading.ok) throw new Error(`the worker would reject it: ${reading.rejection.message}`);
    return reading.event;
  });
}

describe("POST /v1/events", () => {
  test("adds a missing id and timestamp, and answers the id", async () => {
    const answer = await api.call("POST", PATH, event);
    expect(answer.status).toBe(202);
    const [pushed] = await pushedEvents();
    expect(answer.body).toEqual({ ids: [pushed?.id] });
    expect(pushed?.id).toMatch(/^evt_[A-Za-z0-9]{24}$/);
    expect(pushed?.timestamp).toMatch(/^2126-01-02T03:04:\d\d\.678Z$/);
    expect(pushed).toMatchObject({ userId: "u_1", type: "file.created", data: '{"a":1}' });
  });

  test("keeps a given id, timestamp and traceparent", async () => {
    const given = {
      ...event,
      org_id: "o_1",
      id: "evt_mine",
      timestamp: "2025-12-31T23:59:59.9+02:00",
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };
    const answer = await api.call("POST", PATH, given);
    expect(answer.body).toEqual({ ids: ["evt_mine"] });
    expect(await pushedEvents()).toEqual([
      {
        userId: "u_1",
        orgId: "o_1",
        type: "file.created",
        id: "evt_mine",
        timestamp: given.timestamp,
        traceparent: given.traceparent,
        data: '{"a":1}',
      },
    ]);
  });

  test.each([
    ['{"n":12345678901234567890}'],
    ['{ "n" : 1.0 , "e":1e400}'],
    ['{"b":1,"a":2,"b":3}'],
    ['{"s":"\\u00e9\\ud83d\\ude00\\/ \u2028"}'],
    ['{"__proto__":{"x":-0}}'],
  ])("forwards the data %s byte for byte", async (data) => {
    const one = `{"data":${data},"user_id":"u_1","event":"file.created"}`;
    expect((await api.call("POST", PATH, one)).status).toBe(202);
    expect((await api.call("POST", PATH, `[${one},\n ${one} ]`)).status).toBe(202);
    expect((await pushedEvents()).map((pushed) => pushed.data)).toEqual([data, data, data]);
  });

  test("pushes an array in its order, and answers the ids in the same order", async () => {
    const events = [{ ...event, id: "b" }, event, { ...event, id: "a" }];
    const answer = await api.call("POST", PATH, events);
    const ids = answer.body["ids"] as string[];
    expect([ids[0], ids[2]]).toEqual(["b", "a"]);
    expect((await pushedEvents()).map(({ id }) => id)).toEqual(ids);
  });

  test("accepts 1,000 events in one request", async () => {
    const answer = await api.call(
      "POST",
      PATH,
      Array.from({ length: 1_000 }, () => event),
    );
    expect(answer.status).toBe(202);
    expect(new Set(answer.body["ids"] as string[]).size).toBe(1_000);
  });

  test.each<[string, unknown, string[]]>([
    ["no owner", { event: "a", data: {} }, ["user_id"]],
    ["a user_id with a brace", { ...event, user_id: "u{1" }, ["user_id"]],
    ["an org_id that is a number", { ...event, org_id: 7 }, ["org_id"]],
    ["no event", { user_id: "u_1", data: {} }, ["event"]],
    ["an event with a space", { ...event, event: "file created" }, ["event"]],
    ["no data", { user_id: "u_1", event: "a" }, ["data"]],
    ["data that is null", { ...event, data: null }, ["data"]],
    ["data that is an array", { ...event, data: [] }, ["data"]],
    ["data that is a string", { ...event, data: "{}" }, ["data"]],
    ["an id with a dot", { ...event, id: "a.b" }, ["id"]],
    ["a timestamp that is no date", { ...event, timestamp: "yesterday" }, ["timestamp"]],
    ["a field twice", '{"user_id":"u","user_id":"v","event":"a","data":{}}', ["user_id"]],
    ["null", "null", [""]],
    ["a number", "7", [""]],
    ["no events", [], [""]],
    ["1,001 events", Array.from({ length: 1_001 }, () => event), [""]],
    ["several faults", { user_id: "", event: "", data: 1 }, ["user_id", "event", "data"]],
  ])("refuses %s with 422 and pushes nothing", async (_, json, fields) => {
    const answer = await api.call("POST", PATH, json);
    expect(answer.status).toBe(422);
    expect(faultyFields(answer)).toEqual(fields);
    expect(await api.pushed()).toEqual([]);
  });

  test("pushes no event of an array with an invalid one, and names its place", async () => {
    const answer = await api.call("POST", PATH, [event, event, { ...event, data: 1 }, event]);
    expect(answer.status).toBe(422);
    expect(faultyFields(answer)).toEqual(["2.data"]);
    expect(await api.pushed()).toEqual([]);
  });

  test("refuses an event type that is not accepted", async () => {
    api = await apiScene({ config: { eventTypes: new Set(["file.created"]) } });
    expect((await api.call("POST", PATH, event)).status).toBe(202);
    const answer = await api.call("POST", PATH, { ...event, event: "file.deleted" });
    expect(answer.status).toBe(422);
    expect(faultyFields(answer)).toEqual(["event"]);
  });

  test("ignores unknown fields of an event", async () => {
    expect((await api.call("POST", PATH, { ...event, more: true })).status).toBe(202);
    expect((await api.pushed())[0]).not.toContain("more");
  });

  test("refuses an event over the limit with 413, and its whole array", async () => {
    const large = { ...event, data: { a: "x".repeat(1024) } };
    expect((await api.call("POST", PATH, large)).status).toBe(413);
    const answer = await api.call("POST", PATH, [event, large]);
    expect(answer.status).toBe(413);
    expect(faultyFields(answer)).toEqual(["1"]);
    expect(await api.pushed()).toEqual([]);
  });

  test("pushes no event that the worker would reject as too large", async () => {
    const bare = '{"user_id":"u_1","event":"a","data":{"a":""}}';
    const statuses = new Set<number>();
    for (let fill = 850; fill <= 1024; fill += 1) {
      const body = bare.replace('""', `"${"x".repeat(fill)}"`);
      statuses.add((await api.call("POST", PATH, body)).status);
      statuses.add((await api.call("POST", PATH, `[${body}]`)).status);
    }
    expect(statuses).toEqual(new Set([202, 413]));
    const pushed = await api.pushed();
    const longest = Math.max(...pushed.map((element) => element.length));
    expect(longest).toBe(1024);
    expect(await pushedEvents()).toHaveLength(pushed.length);
  });
});

describe("an Idempotency-Key", () => {
  const key = { "idempotency-key": "order-7/created" };

  test("with the same body pushes once, and answers the first ids again", async () => {
    const first = await api.call("POST", PATH, [event, event], key);
    const again = await api.call("POST", PATH, [event, event], key);
    expect(again.status).toBe(202);
    expect(again.body).toEqual(first.body);
    expect(await api.pushed()).toHaveLength(2);
  });

  test("with another body is answered 409", async () => {
    await api.call("POST", PATH, event, key);
    const answer = await api.call("POST", PATH, { ...event, data: { a: 2 } }, key);
    expect(answer.status).toBe(409);
    expect(answer.body["type"]).toBe("urn:fluxhook:problem:key-reused");
    expect(await api.pushed()).toHaveLength(1);
  });

  test("has no effect on a request with another key", async () => {
    await api.call("POST", PATH, event, key);
    await api.call("POST", PATH, event, { "idempotency-key": "order-8/created" });
    expect(await api.pushed()).toHaveLength(2);
  });

  test.each([
    ["empty", ""],
    ["with a space", "a b"],
    ["not ASCII", "caf\u00e9"],
    ["of 256 characters", "k".repeat(256)],
  ])("that is %s is refused with 422", async (_, value) => {
    const answer = await api.call("POST", PATH, event, { "idempotency-key": value });
    expect(answer.status).toBe(422);
    expect(faultyFields(answer)).toEqual(["Idempotency-Key"]);
    expect(await api.pushed()).toEqual([]);
  });

  test("of 255 characters is accepted", async () => {
    const answer = await api.call("POST", PATH, event, { "idempotency-key": "~".repeat(255) });
    expect(answer.status).toBe(202);
  });
});
