import { describe, expect, test } from "bun:test";
import { headersJson, queryJson } from "../../src/expressions/workflow-scope.ts";

describe("queryJson", () => {
  test.each([
    ["is null without a query", "", null],
    ["has texts", "?source=crm&n=1", '{"source":"crm","n":"1"}'],
    ["makes an array of a parameter that comes twice", "?a=1&b=2&a=3", '{"a":["1","3"],"b":"2"}'],
    ["has __proto__ as a key like any other", "?__proto__=x", '{"__proto__":"x"}'],
    ["keeps quotes and braces as text", '?a="{{x}}', String.raw`{"a":"\"{{x}}"}`],
  ])("%s", (_claim, query, json) => {
    expect(queryJson(new URLSearchParams(query))).toBe(json);
  });
});

describe("headersJson", () => {
  test("has names in lower case, and no credentials, signature or proxy headers", () => {
    const headers = new Headers({
      "X-Trace": "1",
      "Content-Type": "application/json",
      Authorization: "Bearer secret",
      Cookie: "secret",
      "Proxy-Authorization": "secret",
      "X-Webhook-Signature": "secret",
    });
    const json = headersJson(headers, ["x-webhook-signature"]);
    expect(JSON.parse(json)).toEqual({ "content-type": "application/json", "x-trace": "1" });
  });
});
