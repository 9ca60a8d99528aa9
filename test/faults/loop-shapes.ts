// Requests of every size and shape that may take long to read, for each route of the OpenAPI document.
import type { ApiOperation } from "../support/api-operations.ts";

export interface Shape {
  name: string;
  headers?: Record<string, string>;
  /** Behind the path. */
  query?: string;
  body?: string | Uint8Array;
}

/** Bun refuses a head of more than 16 KiB. */
const HEAD_BYTES = 15_000;
const EVENT_BYTES = 262_144;

/** JSON of about so many bytes, in the forms that are slow to parse, to walk or to refuse. */
export function jsonShapes(bytes: number): [name: string, text: string][] {
  const fill = (piece: string, open = "", close = "") => {
    const times = Math.floor((bytes - open.length - close.length) / piece.length);
    return open + piece.repeat(Math.max(times, 0)) + close;
  };
  const each = (width: number, one: (n: number) => string) =>
    Array.from({ length: Math.floor(bytes / width) }, (_, n) => one(n)).join(",");
  const key = (n: number) => n.toString(36).padStart(6, "k");
  const half = Math.floor(bytes / 2);
  return [
    ["arrays without end", fill("[")],
    ["deep arrays", "[".repeat(half) + "]".repeat(half)],
    ["deep objects", fill('{"a":')],
    ["64 levels, then wide", fill("0,", "[".repeat(64), `0${"]".repeat(64)}`)],
    ["as deep as wide", fill(`${"[".repeat(62)}${"]".repeat(62)},`, "[", "0]")],
    ["zeros", fill("0,", "[", "0]")],
    ["empty arrays", fill("[],", "[", "[]]")],
    ["empty objects", fill("{},", "[", "{}]")],
    ["distinct keys", `{${each(11, (n) => `"${key(n)}":0`)}}`],
    ["numeric keys", `{${each(13, (n) => `"${(n * 7_919) % 4_294_967_291}":0`)}}`],
    ["one key again and again", `{${each(7, () => '"id":1')}}`],
    ["objects of distinct keys", `[${each(13, (n) => `{"${key(n)}":0}`)}]`],
    ["texts", `[${each(9, (n) => `"${key(n)}"`)}]`],
    ["one long text", fill("x", '"', '"')],
    ["one long text of wide characters", fill("é", '"', '"')],
    ["escapes", fill("\\u00e9", '"', '"')],
    ["quotes", fill('\\"', '"', '"')],
    ["backslashes", fill("\\\\", '"', '"')],
    ["halves of surrogate pairs", fill('"\\ud83d\\udca5",', "[", '"\\ud800"]')],
    ["keys that are no member", fill('{"__proto__":0},', "[", "{}]")],
    ["digits", fill("9")],
    ["fractions", fill("1.5e300,", "[", "0]")],
    ["white space", fill(" \n\t\r", "", "{}")],
    ["white space without a value", fill(" ")],
    ["no JSON at its end", fill("0,", "[", "}")],
  ];
}

function withoutBody(): Shape[] {
  const long = (text: string) => text.repeat(Math.floor(HEAD_BYTES / text.length));
  const blanks = long(" ");
  return [
    { name: "plain" },
    { name: "query of many names", query: long("a&") },
    { name: "query of one name", query: long("user_id=u&") },
    { name: "query of equals signs", query: long("=") },
    { name: "query of ampersands", query: long("&") },
    { name: "query of escapes", query: `cursor=${long("%41")}` },
    { name: "query of broken escapes", query: `user_id=${long("%")}` },
    { name: "query of pluses", query: `limit=${long("+")}` },
    { name: "query of digits", query: `limit=${long("9")}` },
    { name: "long Authorization", headers: { authorization: `Bearer ${long("x")}` } },
    { name: "Authorization of blanks", headers: { authorization: `Bearer x${blanks}x` } },
    { name: "Authorization of two blanks", headers: { authorization: `Bearer${blanks}x x` } },
    {
      name: "Authorization like a scoped token",
      headers: { authorization: `Bearer fht_${"A".repeat(1_024)}.${"A".repeat(43)}` },
    },
    {
      name: "many conditions",
      headers: { "if-none-match": long('"a",'), "accept-encoding": long("a;q=0,").slice(0, 1_000) },
    },
    { name: "Accept-Encoding", headers: { "accept-encoding": long("gzip;q=0.0,") } },
    { name: "many header fields", headers: manyFields() },
  ];
}

function manyFields(): Record<string, string> {
  return Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`x-${n}`, "a".repeat(100)]));
}

const JSON_TYPE = { "content-type": "application/json" };
const SMALL_BYTES = 64 * 1_024;

function smallBodies(): Shape[] {
  const webhook = '"user_id":"u_1","url":"https://example.com/loop"';
  const fill = (piece: (n: number) => string, width: number) =>
    Array.from({ length: Math.floor((SMALL_BYTES - 200) / width) }, (_, n) => piece(n)).join(",");
  return [
    ["many headers", `{${webhook},"headers":{${fill((n) => `"a${n}":"b"`, 13)}}}`],
    ["a long header", `{${webhook},"headers":{"a":"${"x".repeat(60_000)}"}}`],
    ["a header of blanks", `{${webhook},"headers":{"a":"x${" ".repeat(60_000)}"}}`],
    ["a long header name", `{${webhook},"headers":{"${"x".repeat(60_000)}":"a"}}`],
    ["many patterns", `{${webhook},"events":[${fill(() => '"?"', 4)}]}`],
    ["a long pattern", `{${webhook},"events":["${"a.".repeat(30_000)}"]}`],
    [
      "long patterns",
      `{${webhook},"events":[${fill((n) => `"${`a${n}`.repeat(200)}.*"`, 1_000)}]}`,
    ],
    ["a long url", `{${webhook.replace("loop", "%41".repeat(20_000))}}`],
    ["a url of a long host", `{${webhook.replace("example", "xn--a.".repeat(10_000))}}`],
    ["a long owner", `{"user_id":"${"x".repeat(60_000)}"}`],
    ["a long secret", `{"secret":"whsec_${"A".repeat(60_000)}"}`],
    ["a secret of blanks", `{"secret":"x${" ".repeat(60_000)}x"}`],
    ["a long schedule", `{"retry_schedule":[${fill(() => '"9"', 4)}]}`],
    ["unknown fields", `{${fill((n) => `"x${n}":0`, 11)}}`],
    ["ids", `{"ids":[${fill(() => '"x"', 4)}]}`],
    [
      "good ids",
      `{"ids":[${Array.from({ length: 1_000 }, () => '"0123456789abcdef"').join(",")}]}`,
    ],
  ].map(([name = "", body = ""]) => ({ name, body, headers: JSON_TYPE }));
}

function contentTypes(): Shape[] {
  return [
    `application/json${" ".repeat(HEAD_BYTES)}x`,
    `application/json;${" ".repeat(HEAD_BYTES)}x`,
    `application/json; charset${" ".repeat(7_000)}=${" ".repeat(7_000)}x`,
    `application/json; charset=utf-8${" ".repeat(7_000)};${" ".repeat(7_000)}x`,
    `application/json${";".repeat(HEAD_BYTES)}`,
    `application/${"a-.".repeat(5_000)}+json`,
  ].map((type) => ({
    name: `Content-Type ${type.replaceAll(/(.)\1{9,}/g, "$1…").slice(0, 40)}`,
    body: "{}",
    headers: { "content-type": type },
  }));
}

function events(): Shape[] {
  const key = { ...JSON_TYPE, "idempotency-key": "" };
  const event = (data: string, more = "") => `{"user_id":"u_1","event":"a"${more},"data":${data}}`;
  const full = (text: string) => `{"d":${text}}`;
  const of = (count: number, one: string) =>
    `[${Array.from({ length: count }, () => one).join(",")}]`;
  const kib8 = event(full(`"${"x".repeat(8_200)}"`));
  const inside = EVENT_BYTES - 300;
  const all = (bytes: number) => jsonShapes(bytes).filter(([, text]) => isJson(text));
  return [
    { name: "8 MiB of 1,000 events", body: of(1_000, kib8), headers: JSON_TYPE },
    {
      name: "8 MiB of 1,000 events of wide characters, with a key",
      body: of(1_000, event(full(`"${"é".repeat(4_100)}"`))),
      headers: key,
    },
    { name: "1,000 events that are none", body: of(1_000, '{"a":1}'), headers: JSON_TYPE },
    { name: "1,000 events with every fault", body: of(1_000, '{"user_id":1,"org_id":{},"event":[],"data":1,"id":"","timestamp":"","traceparent":""}'), headers: JSON_TYPE },
    { name: "100,000 events", body: of(100_000, event("{}")), headers: JSON_TYPE },
    { name: "1,000 small events", body: of(1_000, event("{}")), headers: key },
    { name: "long timestamp", body: event("{}", `,"timestamp":"2026-01-01T00:00:00.${"1".repeat(200_000)}Z"`), headers: JSON_TYPE },
    { name: "long type", body: `{"user_id":"u","event":"${"a.".repeat(100_000)}","data":{}}`, headers: JSON_TYPE },
    ...all(inside).map(([name, text]) => ({ name: `one event, data of ${name}`, body: event(full(text)), headers: JSON_TYPE })),
    ...all(inside).map(([name, text]) => ({ name: `31 events, data of ${name}`, body: of(31, event(full(text))), headers: JSON_TYPE })),
    ...all(inside).map(([name, text]) => ({ name: `31 events, ignored: ${name}`, body: of(31, event("{}", `,"x":${text}`)), headers: JSON_TYPE })),
    ...all(7_800).map(([name, text]) => ({ name: `1,000 events, data of ${name}`, body: of(1_000, event(full(text))), headers: JSON_TYPE })),
  ]; // prettier-ignore
}

function answers(): Shape[] {
  const answer = (headers: string, body: string) =>
    `{"id":"1-1","status":200,"headers":[${headers}],"body":"${body}"}`;
  const header = `{"name":"a","value":"${"x".repeat(16_384)}"}`;
  const headers = Array.from({ length: 200 }, () => header).join(",");
  return [
    { name: "the largest body", body: answer("", "QUJD".repeat(1_747_600)) },
    { name: "the largest body and headers", body: answer(headers, "QUJD".repeat(1_747_600)) },
    { name: "a body that is no base64", body: answer("", `${"QUJD".repeat(1_747_600)}=?`) },
    { name: "a body of escapes", body: answer("", "\\u0041".repeat(1_600_000)) },
    { name: "many headers", body: answer(Array.from({ length: 4_000 }, () => '{"name":"?","value":""}').join(","), "") },
  ].map((shape) => ({ ...shape, headers: JSON_TYPE })); // prettier-ignore
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** All that one route is asked. */
export function shapesOf({ name, body }: ApiOperation): Shape[] {
  if (body === null) return withoutBody();
  const bytes = name === "POST /v1/events" ? 8 : name.endsWith("/answers") ? 10 : 1 / 16;
  return [
    ...withoutBody().map((shape) => ({ ...shape, body: "{}", headers: { ...JSON_TYPE, ...shape.headers } })),
    ...jsonShapes(bytes * 1_048_576).map(([shape, text]) => ({ name: shape, body: text, headers: JSON_TYPE })),
    { name: "bytes that are no UTF-8 at their end", body: Buffer.concat([Buffer.alloc(bytes * 1_048_576 - 1, " "), Buffer.of(0xff)]), headers: JSON_TYPE },
    { name: "one byte too many", body: " ".repeat(bytes * 1_048_576 + 1), headers: JSON_TYPE },
    ...contentTypes(),
    ...smallBodies(),
    ...(name === "POST /v1/events" ? events() : []),
    ...(name.endsWith("/answers") ? answers() : []),
  ]; // prettier-ignore
}
