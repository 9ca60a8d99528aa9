import { describe, expect, test } from "bun:test";
import { checkSignatures, type CheckRequest } from "../../../src/cli/signature/checks.ts";
import { DIALECT_NAMES, dialectOf, type DialectName } from "../../../src/wire/dialects/registry.ts";
import { Signer, signRequest } from "../../../src/wire/signature.ts";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const NOW = 1_769_860_801;
const encoder = new TextEncoder();

function ownHeaders(dialect: DialectName): string[] {
  const { ownSignature } = dialectOf(dialect);
  return ownSignature === null ? [] : [ownSignature.header];
}

async function signed(
  dialect: DialectName,
  more: Partial<CheckRequest> = {},
): Promise<CheckRequest> {
  const body = dialectOf(dialect).envelope({
    id: "evt_1",
    type: "file.created",
    timestamp: "2026-01-02T03:04:05Z",
    data: '{"n":1}',
  });
  const headers = await signRequest({
    dialect: dialectOf(dialect),
    secrets: [new Signer(SECRET)],
    eventId: "evt_1",
    eventType: "file.created",
    deliveryId: crypto.randomUUID(),
    unixSeconds: NOW,
    body,
    bodyBytes: encoder.encode(body),
  });
  return {
    headers: new Headers(headers),
    body: encoder.encode(body),
    secret: SECRET,
    dialect: null,
    isAnyAge: false,
    nowSeconds: NOW,
    ...more,
  };
}

const names = (checks: { check: string }[]) => checks.map(({ check }) => check);
const failures = (checks: { failure: string | null }[]) => checks.map(({ failure }) => failure);

describe.each(DIALECT_NAMES)("a request of %s", (dialect) => {
  const all = [...ownHeaders(dialect), "webhook-signature"];

  test("verifies with every signature that it has", async () => {
    for (const asked of [null, dialect]) {
      const checks = await checkSignatures(await signed(dialect, { dialect: asked }));
      expect(names(checks)).toEqual(all);
      expect(checks.every(({ verified }) => verified)).toBe(true);
    }
  });

  test("fails every check with another secret or another body", async () => {
    const other = `whsec_${Buffer.alloc(32, 8).toString("base64")}`;
    for (const more of [{ secret: other }, { body: encoder.encode('{"forged":1}') }]) {
      const checks = await checkSignatures(await signed(dialect, more));
      expect(failures(checks)).toEqual(all.map(() => "no-matching-signature"));
      expect(checks[0]?.message).toContain("byte for byte");
    }
  });
});

describe("a check reports", () => {
  const messageOf = async (request: CheckRequest) =>
    (await checkSignatures(request)).find(({ verified }) => !verified)?.message;

  test.each([
    [
      301,
      "the time of webhook-timestamp is 301 s ago; use --any-age to ignore it; accepted are 300 s",
    ],
    [-301, "the time of webhook-timestamp is 301 s in the future; accepted are 300 s"],
  ])("how far off the time is: %i s", async (off, message) => {
    expect(await messageOf(await signed("standard", { nowSeconds: NOW + off }))).toBe(message);
    const flux = await signed("flux", { nowSeconds: NOW + off });
    expect(await messageOf(flux)).toBe(message.replace("webhook-timestamp", "flux-signature"));
  });

  test("no time problem with --any-age, and still verifies the signature", async () => {
    const old = { nowSeconds: NOW + 1e6, isAnyAge: true };
    const checks = await checkSignatures(await signed("flux", old));
    expect(checks.every(({ verified }) => verified)).toBe(true);
    const forged = await signed("flux", { ...old, body: encoder.encode("x") });
    expect((await checkSignatures(forged)).some(({ verified }) => verified)).toBe(false);
  });

  test.each([
    ["a line feed was added", (body: string) => `${body}\n`, "without the line feed at its end"],
    ["CRLF was added", (body: string) => `${body}\r\n`, "without the line feed at its end"],
    [
      "it was indented",
      (body: string) => JSON.stringify(JSON.parse(body), null, 2),
      "as JSON without white space",
    ],
  ])("what happened to a body: %s", async (_, mishap, message) => {
    const request = await signed("fluxdrop");
    const body = encoder.encode(mishap(new TextDecoder().decode(request.body)));
    expect(await messageOf({ ...request, body })).toContain(message);
  });

  test("that a signed line feed is missing", async () => {
    const headers = await signRequest({
      dialect: dialectOf("standard"),
      secrets: [new Signer(SECRET)],
      eventId: "evt_1",
      eventType: "a",
      deliveryId: "",
      unixSeconds: NOW,
      body: "{}\n",
      bodyBytes: encoder.encode("{}\n"),
    });
    const request = await signed("standard", {
      headers: new Headers(headers),
      body: encoder.encode("{}"),
    });
    expect(await messageOf(request)).toContain("with a line feed at its end");
  });

  test.each([
    ["webhook-id", null, "the request has no header webhook-id"],
    ["webhook-timestamp", null, "the request has no header webhook-timestamp"],
    ["webhook-signature", null, "the request has no header webhook-signature"],
    ["webhook-id", "a.b", `webhook-id is "a.b"; accepted are ids without a dot`],
    ["webhook-timestamp", "hello", `no valid time: "hello"; accepted are Unix seconds`],
  ])("what is wrong with %s: %j", async (name, value, message) => {
    const request = await signed("standard");
    if (value === null) request.headers.delete(name);
    else request.headers.set(name, value);
    expect(await messageOf(request)).toContain(message);
  });

  test("that the signature of a required dialect is missing", async () => {
    const checks = await checkSignatures(await signed("standard", { dialect: "fluxdrop" }));
    expect(checks.map(({ check, verified }) => [check, verified])).toEqual([
      ["X-Fluxdrop-Signature", false],
      ["webhook-signature", true],
    ]);
  });

  test("that there is no signature at all", async () => {
    const request = await signed("standard", { headers: new Headers() });
    expect(failures(await checkSignatures(request))).toEqual(["missing-header"]);
  });
});
