import { describe, expect, test } from "bun:test";
import { checkCustomHeaders } from "../../src/wire/custom-headers.ts";

function headers(count: number, value = "v"): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`X-Custom-${at}`, value]));
}

describe("checkCustomHeaders accepts", () => {
  test.each<[claim: string, headers: Record<string, string>]>([
    ["none", {}],
    ["a credential", { Authorization: "Bearer abc.def", "X-Api-Key": "k" }],
    ["an empty value", { "X-Empty": "" }],
    ["spaces and tabs inside", { "X-Text": "a b\tc" }],
    ["Latin-1 text", { "X-Name": "Zoë" }],
    ["names that only resemble reserved ones", { "X-Content": "1", Hostname: "h", Webhook: "w" }],
    ["20 headers", headers(20)],
    ["4096 bytes together", { "X-Long": "v".repeat(4090) }],
  ])("%s", (_claim, value) => {
    expect(checkCustomHeaders(value)).toEqual([]);
  });
});

describe("checkCustomHeaders refuses the name", () => {
  test.each([
    "Host",
    "HOST",
    "Content-Length",
    "content-type",
    "Content-Encoding",
    "Connection",
    "Keep-Alive",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Expect",
    "Proxy-Authorization",
    "Proxy-Connection",
    "User-Agent",
    "Accept-Encoding",
    "traceparent",
    "Tracestate",
    "webhook-id",
    "Webhook-Signature",
    "X-Fluxdrop-Signature",
    "x-fluxdesk-event-type",
    "Flux-Signature",
    "",
    "X Name",
    "X-Name:",
    "X-Näme",
    "X-Name\r\nHost",
  ])("%p", (name) => {
    expect(checkCustomHeaders({ [name]: "v" })).toEqual([{ name, message: expect.any(String) }]);
  });

  test("that stands twice in upper and lower case", () => {
    const problems = checkCustomHeaders({ "X-One": "1", "x-one": "2" });
    expect(problems.map(({ name }) => name)).toEqual(["x-one"]);
  });
});

describe("checkCustomHeaders refuses the value", () => {
  test.each([
    ["with a line break", "a\r\nHost: evil"],
    ["with a line feed", "a\nb"],
    ["with a NUL", "a\0b"],
    ["with a DEL", "a\u007fb"],
    ["with a C1 control", "a\u0085b"],
    ["outside Latin-1", "日本"],
    ["that begins with a space", " a"],
    ["that ends with a tab", "a\t"],
  ])("%s, without showing it", (_claim, value) => {
    const problems = checkCustomHeaders({ "X-Secret": value });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).not.toContain(value);
  });
});

test("checkCustomHeaders refuses the 21st header and the 4097th byte", () => {
  expect(checkCustomHeaders(headers(21))).toEqual([
    { name: "X-Custom-20", message: expect.stringContaining("20") },
  ]);
  expect(checkCustomHeaders({ "X-Long": "v".repeat(4091) })).toEqual([
    { name: "X-Long", message: expect.stringContaining("4097") },
  ]);
});
