// What is no valid event is kept with its bytes and the reason, and stops nobody.
import { expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import type { Element } from "../support/push-events.ts";
import { eventFor, numberOf, openScene, register } from "../support/serve-scene.ts";

const MAX_EVENT_BYTES = 4_096;

const bad = (fields: string) => `{"user_id":"u_1","event":"file.created","data":{}${fields}}`;
const padded = (bytes: number) => {
  const event = `{"user_id":"u_1","event":"file.created","data":{"n":7,"pad":""}}`;
  return event.replace(`""`, `"${"x".repeat(bytes - event.length)}"`);
};

const REJECTED: [element: Element, reason: string, field: string | null][] = [
  ["", "empty", null],
  [" \n", "not-json", null],
  ["hello", "not-json", null],
  ["{'user_id':'u_1'}", "not-json", null],
  [`{"user_id":"u_1","event":"file.created","data":{}`, "not-json", null],
  [`{"user_id":"u_1","event":"file.created","data":{}}{}`, "not-json", null],
  [`\ufeff${eventFor("u_1")}`, "not-json", null],
  [`{"user_id":"u_1","event":"file.created","data":{"n":NaN}}`, "not-json", null],
  ["[".repeat(2_000) + "]".repeat(2_000), "not-an-object", null],
  ["null", "not-an-object", null],
  ["7", "not-an-object", null],
  [`"text"`, "not-an-object", null],
  [`[${eventFor("u_1")}]`, "not-an-object", null],
  [padded(MAX_EVENT_BYTES + 1), "too-large", null],
  [Buffer.from(`{"user_id":"u_\xff","event":"e","data":{}}`, "latin1"), "not-utf8", null],
  [Buffer.from([0, 0xc3, 0x28, 0x80]), "not-utf8", null],
  // U+D800 written as UTF-8, which RFC 3629 §3 forbids.
  [Buffer.from(`{"user_id":"u_\xed\xa0\x80","event":"e","data":{}}`, "latin1"), "not-utf8", null],
  ["{}", "invalid-field", "event"],
  [`{"event":"file.created","data":{}}`, "no-owner", "user_id"],
  [`{"user_id":7,"event":"file.created","data":{}}`, "invalid-field", "user_id"],
  [`{"user_id":"","event":"file.created","data":{}}`, "invalid-field", "user_id"],
  [`{"user_id":"a b","event":"file.created","data":{}}`, "invalid-field", "user_id"],
  [`{"user_id":"a{b}","event":"file.created","data":{}}`, "invalid-field", "user_id"],
  [`{"user_id":null,"event":"file.created","data":{}}`, "invalid-field", "user_id"],
  [`{"user_id":"${"é".repeat(65)}","event":"file.created","data":{}}`, "invalid-field", "user_id"],
  [`{"user_id":"u_1","org_id":[],"event":"file.created","data":{}}`, "invalid-field", "org_id"],
  [`{"user_id":"u_1","data":{}}`, "invalid-field", "event"],
  [`{"user_id":"u_1","event":"file created","data":{}}`, "invalid-field", "event"],
  [`{"user_id":"u_1","event":"file.","data":{}}`, "invalid-field", "event"],
  [`{"user_id":"u_1","event":"file.*","data":{}}`, "invalid-field", "event"],
  [`{"user_id":"u_1","event":"${"e".repeat(129)}","data":{}}`, "invalid-field", "event"],
  [`{"user_id":"u_1","event":["file.created"],"data":{}}`, "invalid-field", "event"],
  [`{"user_id":"u_1","event":"file.created"}`, "invalid-field", "data"],
  [`{"user_id":"u_1","event":"file.created","data":null}`, "invalid-field", "data"],
  [`{"user_id":"u_1","event":"file.created","data":[]}`, "invalid-field", "data"],
  [`{"user_id":"u_1","event":"file.created","data":"{}"}`, "invalid-field", "data"],
  [`{"user_id":"u_1","event":"file.created","data":1}`, "invalid-field", "data"],
  [bad(`,"id":"with.dot"`), "invalid-field", "id"],
  [bad(`,"id":""`), "invalid-field", "id"],
  [bad(`,"id":12`), "invalid-field", "id"],
  [bad(`,"timestamp":"yesterday"`), "invalid-field", "timestamp"],
  [bad(`,"timestamp":1760000000`), "invalid-field", "timestamp"],
  [bad(`,"traceparent":"00-x"`), "invalid-field", "traceparent"],
  [bad(`,"data":{}`), "duplicate-field", "data"],
  [bad(String.raw`,"user\u005fid":"u_2"`), "duplicate-field", "user_id"],
];

interface Rejected {
  reason: string;
  field: string | null;
  message: string;
  queue: string;
  size: number;
  rejected_at: string;
  raw?: string;
  raw_base64?: string;
}

const bytesOf = ({ raw, raw_base64 }: Rejected) =>
  raw === undefined ? Buffer.from(raw_base64 ?? "", "base64") : Buffer.from(raw);

test("invalid elements are kept with reason, field and bytes, and the valid ones between them arrive", async () => {
  await using scene = await openScene();
  const receiver = scene.receiver();
  const service = await scene.serve({
    FLUXHOOK_MAX_EVENT_BYTES: String(MAX_EVENT_BYTES),
    // One at a time, so that the order of the rejected is the order on the list.
    FLUXHOOK_CONCURRENCY: "1",
  });
  await register(service, { user_id: "u_1", url: receiver.url });

  await scene.push(...REJECTED.flatMap(([element], n) => [element, eventFor("u_1", n)]));
  await receiver.waitFor(REJECTED.length);
  expect(receiver.requests.map(numberOf)).toEqual(REJECTED.map((_, n) => n));

  const key = `${scene.prefix}:rejected`;
  const records = (await scene.redis.lrange(key, 0, -1))
    .map((text) => JSON.parse(text) as Rejected)
    .toReversed();
  const found = records.map((record) => [bytesOf(record), record.reason, record.field]);
  expect(found).toEqual(
    REJECTED.map(([element, ...rest]) => [Buffer.from(element), ...rest] as never),
  );
  for (const record of records) {
    expect(Object.keys(record)).toEqual([
      "reason",
      "field",
      "message",
      "queue",
      "size",
      "rejected_at",
      // Text as text, and what is none in base64.
      record.reason === "not-utf8" ? "raw_base64" : "raw",
    ]);
    expect(record.queue).toBe(scene.queue);
    expect(record.size).toBe(bytesOf(record).length);
    expect(new Date(record.rejected_at).toISOString()).toBe(record.rejected_at);
    if (record.field !== null) expect(record.message).toContain(record.field);
  }
  expect(await scene.redis.pttl(key)).toBeGreaterThan(0);
  expect(await scene.redis.llen(scene.queue)).toBe(0);
  const { body } = await service.api("GET", "/v1/rejected?limit=100");
  const listed = records.toReversed().map((record) => ({ id: expect.any(String), ...record }));
  expect(body).toEqual({ rejected: listed, next_cursor: null } as never);
});

test("unusual but valid elements are delivered", async () => {
  await using scene = await openScene();
  const receiver = scene.receiver();
  const service = await scene.serve({ FLUXHOOK_MAX_EVENT_BYTES: String(MAX_EVENT_BYTES) });
  await register(service, { user_id: "u_1", url: receiver.url });
  const elements = [
    `{"unknown":{"data":1},"user_id":"u_1","event":"file.created","data":{"n":0},"unknown":2}`,
    ` \n{ "data" : {"n":1} , "event" : "x" , "user_id" : "u_1" }\t`,
    String.raw`{"\u0075ser_id":"\u0075_1","event":"e","data":{"n":2}}`,
    `{"user_id":"u_1","event":"e","data":{"n":3},"id":"${"i".repeat(128)}"}`,
    `{"user_id":"u_1","event":"e","data":{"n":4},"timestamp":"2024-02-29T23:59:59.999999999-12:30"}`,
    `{"user_id":"u_1","event":"e","data":{"n":5,"deep":${"[".repeat(500)}${"]".repeat(500)}}}`,
    `{"user_id":"u_1","event":"e","data":{"n":6,"nul":"\\u0000"}}`,
    padded(MAX_EVENT_BYTES),
  ];
  await scene.push(...elements);
  await receiver.waitFor(elements.length);

  expect(receiver.requests.map(numberOf).toSorted((a, b) => a - b)).toEqual(
    elements.map((_, n) => n),
  );
  expect(await scene.redis.exists(`${scene.prefix}:rejected`)).toBe(0);
});

test("an element that is rejected first in every batch stops no other", async () => {
  await using scene = await openScene();
  const receiver = scene.receiver();
  const service = await scene.serve();
  await register(service, { user_id: "u_1", url: receiver.url });
  const junk = Array.from({ length: 1_000 }, (_, n) => `junk ${n}`);
  await scene.push(...junk, eventFor("u_1", 1), ...junk, eventFor("u_1", 2));
  await receiver.waitFor(2);
  await eventually(async () => {
    expect(await scene.redis.llen(`${scene.prefix}:rejected`)).toBe(2 * junk.length);
  });
});
