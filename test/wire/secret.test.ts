import { describe, expect, test } from "bun:test";
import { checkSecret, hexKeyBytes, makeSecret, standardKeyBytes } from "../../src/wire/secret.ts";

function whsec(bytes: number): string {
  return `whsec_${Buffer.alloc(bytes, 0xfb).toString("base64")}`;
}

test("makes whsec_ and base64 of 32 bytes, another one each time", () => {
  const secret = makeSecret();
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(checkSecret(secret)).toBeNull();
  expect(standardKeyBytes(secret)).toHaveLength(32);
  expect(makeSecret()).not.toBe(secret);
});

describe("checkSecret accepts", () => {
  test.each([
    ["24 bytes", whsec(24)],
    ["64 bytes", whsec(64)],
    ["16 characters", "a".repeat(16)],
    ["128 characters", "a".repeat(128)],
    ["spaces and signs", "It's a Secret to Everybody"],
    ["another prefix, as any text", "WHSEC_not base64 at all"],
  ])("%s", (_claim, secret) => expect(checkSecret(secret)).toBeNull());
});

describe("checkSecret refuses", () => {
  test.each([
    ["nothing", ""],
    ["15 characters", "a".repeat(15)],
    ["129 characters", "a".repeat(129)],
    ["a line break", "sixteen characters\n"],
    ["letters outside ASCII", "sechzehn zeichen ä"],
    ["a bare whsec_", "whsec_"],
    ["23 bytes", whsec(23)],
    ["65 bytes", whsec(65)],
    ["base64 without its padding", whsec(25).replaceAll("=", "")],
    ["the URL alphabet", whsec(24).replaceAll("+", "-").replaceAll("/", "_")],
    ["white space in base64", `whsec_ ${whsec(24).slice(6)}`],
    ["a character outside base64", `${whsec(24).slice(0, -1)}!`],
    ["stray last bits", `whsec_${"A".repeat(42)}B=`],
  ])("%s, without showing it", (_claim, secret) => {
    const problem = checkSecret(secret);
    expect(problem).toBeString();
    if (secret.length > 6) expect(problem).not.toContain(secret);
  });
});

describe("the key", () => {
  test("of the standard signature is the decoded whsec_ secret", () => {
    expect(standardKeyBytes("whsec_AAECAw==")).toEqual(new Uint8Array([0, 1, 2, 3]));
  });
  test("of the standard signature is the UTF-8 of any other secret", () => {
    expect(standardKeyBytes("aé")).toEqual(new Uint8Array([0x61, 0xc3, 0xa9]));
  });
  test("of a hex signature is the text as shown, the prefix included", () => {
    expect(hexKeyBytes("whsec_A")).toEqual(new TextEncoder().encode("whsec_A"));
  });
  test.each(["whsec_", "whsec_*", "whsec_AAE"])("of %p throws, without showing it", (secret) => {
    expect(() => standardKeyBytes(secret)).toThrow("well-formed base64");
  });
});
