// The page's own readers and writers of text, without a browser.
import { describe, expect, test } from "bun:test";
import { readableOn } from "../../../src/dashboard/web/contrast.ts";
import { hexDump } from "../../../src/dashboard/web/hex-dump.ts";
import { layOutJson } from "../../../src/dashboard/web/json-text.ts";
import { elementOf, shellQuoted } from "../../../src/dashboard/web/push-text.ts";
import { hashOf, parseRoute } from "../../../src/dashboard/web/route-text.ts";
import { fromNow } from "../../../src/dashboard/web/time.ts";
import { visible } from "../../../src/dashboard/web/visible-text.ts";
import { eventsInWords, outcomeInWords, reasonInWords } from "../../../src/dashboard/web/words.ts";
import { ATTEMPT_REASONS } from "../../../src/wire/log-entry.ts";

describe("JSON is laid out without a change to what it says", () => {
  test.each([
    '{"n":12345678901234567890,"one":1.0,"e":1E400,"minus":-0}',
    '{"b":1,"a":2,"b":3,"__proto__":{"x":1}}',
    '{"text":"a { } [ ] , : \\" \\\\ \\u0041 \\n é 👍","empty":{},"none":[],"deep":[[{"a":[1,{"b":null}]}]]}',
    '  [ true , false , null , "x" ]  ',
    "12345678901234567890",
    '"only a text"',
  ])("%s", (text) => {
    const laidOut = layOutJson(text);
    expect(laidOut.isJson).toBe(true);
    expect(withoutSpace(laidOut.text)).toBe(withoutSpace(text));
  });

  test("has a line for each member", () => {
    expect(layOutJson('{"a":[1,{"b":{}}],"c":"d"}').text).toBe(
      '{\n  "a": [\n    1,\n    {\n      "b": {}\n    }\n  ],\n  "c": "d"\n}',
    );
  });

  test.each(["{a:1}", '{"a":1', "", "no JSON at all"])("%p stays as it is", (text) => {
    expect(layOutJson(text)).toEqual({ text, isJson: false });
  });

  test("takes time in proportion to its length", () => {
    const text = `[${"{},".repeat(20_000)}{}]`;
    const started = performance.now();
    layOutJson(text);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

/** Outside of texts. */
function withoutSpace(json: string): string {
  return json.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, (_all, kept: string = "") => kept);
}

describe("text of others shows what does not show", () => {
  test.each([
    ["plain é 👍", "plain é 👍"],
    ["\u202egnp.exe", "\\u202egnp.exe"],
    ["a\u0000b\u001b[31m", "a\\u0000b\\u001b[31m"],
    ["half \ud800 of a pair", "half \\ud800 of a pair"],
    ["tab\tand\nline", "tab\tand\nline"],
    ["\ufeffmark", "\\ufeffmark"],
  ])("%j", (text, shown) => {
    expect(visible(text)).toBe(shown);
  });
});

describe("a route", () => {
  test.each([
    ["/webhooks", {}, "#/webhooks"],
    [
      "/parked",
      { user_id: "u 1&x=2", reason: undefined, event: "" },
      "#/parked?user_id=u+1%26x%3D2",
    ],
  ])("is written %#", (path, query, hash) => {
    expect(hashOf(path, query)).toBe(hash);
  });

  test("is read as it was written", () => {
    const query = { user_id: "u&1=%", event: "a.b" };
    expect(parseRoute(hashOf("/parked", query))).toEqual({ path: ["parked"], query });
    expect(parseRoute("#/webhooks/wh_%2Fa")).toEqual({ path: ["webhooks", "wh_/a"], query: {} });
    expect(parseRoute("#/%zz")).toEqual({ path: ["%zz"], query: {} });
    expect(parseRoute("")).toEqual({ path: [], query: {} });
  });
});

describe("the line that pushes", () => {
  test("keeps the data as it was typed", () => {
    const owner = { kind: "user", id: "u_1" } as const;
    expect(elementOf({ owner, type: "a.b", data: ' {"n":1.0, "m":12345678901234567890} ' })).toBe(
      '{"user_id":"u_1","event":"a.b","data":{"n":1.0, "m":12345678901234567890}}',
    );
  });

  test("means the same to a shell, whatever is in it", async () => {
    for (const text of ["plain", "it's", '$(id) `id` \\ "x" !', "a\nb", ""]) {
      const child = Bun.spawn(["sh", "-c", `printf %s ${shellQuoted(text)}`]);
      expect(await child.stdout.text()).toBe(text);
    }
  });
});

describe("words", () => {
  test.each(ATTEMPT_REASONS)("for the reason %s are a sentence of their own", (reason) => {
    expect(reasonInWords(reason)).not.toStartWith("It failed:");
    expect(reasonInWords(reason)).toMatch(/^[A-Z].*[.?]$/);
  });

  test.each(["http-400", "http-418", "http-302", "http-500"])(
    "for %s name the status",
    (reason) => {
      expect(reasonInWords(reason)).toContain(reason.slice(5));
    },
  );

  test("for a reason of an object's own words are words", () => {
    expect(reasonInWords("constructor")).toBe("It failed: constructor.");
  });

  test("say that `*` is every event", () => {
    expect(eventsInWords(["*"])).toBe("every event, also future ones");
    expect(eventsInWords(["file.*", "a.b"])).toBe("all file events, a.b");
  });

  test("say of an attempt whether the next one is still to come", () => {
    const entry = { outcome: "retry", next_attempt_at: "2026-01-02T03:04:05Z" } as Parameters<
      typeof outcomeInWords
    >[0];
    const due = Date.parse("2026-01-02T03:04:05Z");
    expect(outcomeInWords(entry, due - 1)).toBe("Failed, will retry");
    expect(outcomeInWords(entry, due + 1)).toBe("Failed, retried");
  });
});

describe("times", () => {
  test.each([
    ["2026-01-02T03:04:05Z", "now"],
    ["2026-01-02T03:03:05Z", "1 min. ago"],
    ["2026-01-03T03:04:05Z", "tomorrow"],
    ["no time", ""],
  ])("%s: %s", (time, words) => {
    expect(fromNow(time, Date.parse("2026-01-02T03:04:05Z"))).toBe(words);
  });
});

test("bytes are shown by sixteen, with what of them is ASCII", () => {
  const base64 = Buffer.from([0xff, 0x00, 0x41, 0x7f]).toString("base64");
  expect(hexDump(base64)).toBe(`0000  ${"ff 00 41 7f".padEnd(47)}  ..A.`);
});

describe("the text on the portal's accent has a contrast of 4.5 or more", () => {
  test.each([
    "#000000",
    "#ffffff",
    "#3538cd",
    "#ffd54a",
    "#777777",
    "#767676",
    "#ff0000",
    "#00ff00",
  ])("%s", (color) => {
    const [one, other] = [luminance(color), luminance(readableOn(color))];
    expect((Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)).toBeGreaterThanOrEqual(
      4.5,
    );
  });
});

/** WCAG 2.2, "relative luminance". */
function luminance(color: string): number {
  const parts = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255);
  const [r = 0, g = 0, b = 0] = parts.map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
