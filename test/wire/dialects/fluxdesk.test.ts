import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { fluxdesk } from "../../../src/wire/dialects/fluxdesk.ts";
import { JsonWriter, seededRandom } from "../seeded-random.ts";

const INPUT = { id: "id_1", type: "task_assigned", timestamp: "2026-01-31T12:00:00Z" };

/** What stands between type and timestamp. */
function titleText(data: string): string {
  const body = fluxdesk.envelope({ ...INPUT, data });
  const [before, after] = [
    '{"version":1,"id":"id_1","type":"task_assigned","title":',
    `,"timestamp":"2026-01-31T12:00:00Z","data":${data}}`,
  ];
  expect(body.startsWith(before) && body.endsWith(after)).toBe(true);
  return body.slice(before.length, -after.length);
}

describe("the title of a fluxdesk body", () => {
  test.each<[claim: string, data: string, title: string]>([
    ["as a plain text", '{"title":"Ship it","n":1}', '"Ship it"'],
    ["among odd white space", '{ "n" : 1 ,\n\t"title"\r\n: "Ship it" }', '"Ship it"'],
    [
      "with its escapes",
      String.raw`{"title":"a \"b\" \u00e9\/ \ud800"}`,
      String.raw`"a \"b\" \u00e9\/ \ud800"`,
    ],
    ["where its key is escaped", String.raw`{"\u0074itle":"Ship it"}`, '"Ship it"'],
    ["empty", '{"title":""}', '""'],
    ["with raw line separators", '{"title":"a\u2028b"}', '"a\u2028b"'],
    ["at any length", `{"title":"${"long ".repeat(40_000)}"}`, `"${"long ".repeat(40_000)}"`],
    ["of the last of two, as JSON.parse has it", '{"title":"1st","title":"2nd"}', '"2nd"'],
    ["where only the last of two is a string", '{"title":1,"title":"2nd"}', '"2nd"'],
  ])("is data.title %s", (_claim, data, title) => {
    expect(titleText(data)).toBe(title);
  });

  test.each<[claim: string, data: string]>([
    ["there is none", '{"n":1}'],
    ["data is empty", "{}"],
    ["it is a number", '{"title":1}'],
    ["it is null", '{"title":null}'],
    ["it is an object", '{"title":{"title":"inner"}}'],
    ["it is an array", '{"title":["inner"]}'],
    ["it stands deeper", '{"task":{"title":"inner"}}'],
    ["the last of two is no string", '{"title":"1st","title":2}'],
    ["it is spelled otherwise", '{"Title":"a","titles":"b","x":"\\"title\\":\\"c\\""}'],
  ])("is the type if %s", (_claim, data) => {
    expect(titleText(data)).toBe('"task_assigned"');
  });

  test("equals what a receiver reads from the parsed data, for any data", () => {
    const writer = new JsonWriter(seededRandom(23));
    const keys = ['"title"', '"\\u0074itle"', '"n"'];
    for (let round = 0; round < 500; round++) {
      const members = Array.from(
        { length: round % 5 },
        () => [writer.pick(keys), writer.value(2)] as const,
      );
      const { title, data } = JSON.parse(
        fluxdesk.envelope({ ...INPUT, data: writer.members(members) }),
      ) as { title: string; data: { title?: unknown } };
      expect(title).toBe(typeof data.title === "string" ? data.title : INPUT.type);
    }
  });
});

describe("the fluxdesk signature", () => {
  const own = fluxdesk.ownSignature;

  test("is v1= and the hex HMAC of the raw body", () => {
    const hex = createHmac("sha256", "a secret of ours").update("{}").digest("hex");
    expect(own?.prefix(1_769_860_800)).toBe("");
    expect(own?.write([hex, "older"], 1_769_860_800)).toBe(`v1=${hex}`);
    expect(own?.read(`v1=${hex}`)).toEqual({ signatures: [hex], unixSeconds: null });
  });

  test.each(["", "00", "v0=00", "V1=00", " v1=00"])("is not in %j", (value) => {
    expect(own?.read(value).signatures).toEqual([]);
  });
});

test("the fluxdesk dialect has its eight types, its headers, 8 s and its disable rule", () => {
  expect(fluxdesk.catalogue).toHaveLength(8);
  expect(fluxdesk.catalogue).toContain("team_support.approved");
  expect(fluxdesk.timeoutMs).toBe(8_000);
  expect(fluxdesk.disableRule).toEqual({ consecutive_failures: 10 });
  const input = { eventId: "id_1", eventType: "review", deliveryId: "d", unixSeconds: 1 };
  expect(
    Object.fromEntries(
      Object.entries(fluxdesk.headers).map(([name, write]) => [name, write(input)]),
    ),
  ).toEqual({
    "X-FluxDesk-Event-Type": "review",
    "X-FluxDesk-Delivery-Id": "d",
  });
});
