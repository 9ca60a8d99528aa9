import { describe, expect, test } from "bun:test";
import { checkCustomHeaders, reservedBy } from "../../src/wire/custom-headers.ts";
import { DATA, DEFAULTS, EVENT_TYPE, type Dialect } from "../../src/wire/dialects/dialect.ts";
import { DIALECT_NAMES, dialectOf } from "../../src/wire/dialects/registry.ts";
import { makeSecret } from "../../src/wire/secret.ts";
import { Signer, signRequest } from "../../src/wire/signature.ts";

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

  test("that is repeated in different case", () => {
    const problems = checkCustomHeaders({ "X-One": "1", "x-one": "2" });
    expect(problems.map(({ name }) => name)).toEqual(["x-one"]);
  });
});

describe("no custom header can replace one that Fluxhook signs or writes", () => {
  const demo: Dialect = {
    ...DEFAULTS,
    name: "demo",
    catalogue: [],
    body: { kind: EVENT_TYPE, data: DATA },
    envelope: ({ type, data }) => `{"kind":${JSON.stringify(type)},"data":${data}}`,
    headers: { "X-Demo-Kind": ({ eventType }) => eventType, Demo: () => "1" },
    ownSignature: {
      header: "Demo-Signature",
      prefix: () => "",
      write: ([newest = ""]) => newest,
      read: (value) => ({ signatures: [value], unixSeconds: null }),
    },
  };

  async function headersOfRequest(dialect: Dialect): Promise<string[]> {
    const body = dialect.envelope({
      id: "a",
      type: "b",
      timestamp: "2026-01-31T12:00:00Z",
      data: "{}",
    });
    const signed = await signRequest({
      dialect,
      secrets: [new Signer(makeSecret())],
      eventId: "a",
      eventType: "b",
      deliveryId: "0b9d1f0e-6c53-4a0e-9f0d-1d6f5ac1f7a1",
      unixSeconds: 1_769_860_800,
      body,
      bodyBytes: new TextEncoder().encode(body),
    });
    return Object.keys(signed);
  }

  test.each(DIALECT_NAMES)("every header of a %s request is refused, in any case", async (name) => {
    const names = await headersOfRequest(dialectOf(name));
    expect(names.length).toBeGreaterThan(4);
    for (const header of names) {
      for (const spelling of [header, header.toLowerCase(), header.toUpperCase()]) {
        expect(checkCustomHeaders({ [spelling]: "v" })).toHaveLength(1);
      }
    }
  });

  test("a new dialect in the registry reserves all its headers", async () => {
    const { names, prefixes } = reservedBy([demo]);
    expect(names).toEqual(["x-demo-kind", "demo", "demo-signature"]);
    expect(prefixes).toEqual(["x-demo-"]);
    const ownHeaders = (await headersOfRequest(demo)).filter((name) => /demo/i.test(name));
    expect(ownHeaders.map((name) => name.toLowerCase()).toSorted()).toEqual(names.toSorted());
  });

  test("the prefix of each dialect with X-… headers is reserved", () => {
    const { prefixes } = reservedBy(DIALECT_NAMES.map(dialectOf));
    expect(prefixes).toEqual(expect.arrayContaining(["x-fluxdrop-", "x-fluxdesk-"]));
    for (const prefix of prefixes)
      expect(checkCustomHeaders({ [`${prefix}next`]: "v" })).toHaveLength(1);
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
