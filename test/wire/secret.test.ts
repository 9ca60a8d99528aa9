import { describe, expect, test } from "bun:test";
import {
  checkSecret,
  hexKeyBytes,
  makeSecret,
  SECRET_PATTERNS,
  standardKeyBytes,
} from "../../src/wire/secret.ts";

function whsec(bytes: number): string {
  return `whsec_${Buffer.alloc(bytes, 0xfb).toString("base64")}`;
}

test("makeSecret returns whsec_ and base64 of 32 bytes, different each time", () => {
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
  ])("%s", (_claim, secret) => {
    expect(checkSecret(secret)).toBeNull();
    expect(SECRET_PATTERNS.some((pattern) => new RegExp(pattern).test(secret))).toBe(true);
  });
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
    ["the prefix of a signature before it", `v1,${whsec(32)}`],
    ["the prefix in upper case", whsec(32).replace("whsec_", "WHSEC_")],
    ["a quote before it", `"${whsec(32)}"`],
    ["the name of its variable before it", `WEBHOOK_SECRET=${whsec(32)}`],
    ["a blank before it", ` ${whsec(32)}`],
    ["a blank behind it", `${whsec(32)} `],
    ["a blank before one of one's own", ` ${"a".repeat(16)}`],
    ["a tab behind one of one's own", `${"a".repeat(16)}\t`],
    ["a no-break space around it", `\u00a0${whsec(32)}`],
  ])("%s, without showing it", (_claim, secret) => {
    const problem = checkSecret(secret);
    expect(problem).toBeString();
    expect(SECRET_PATTERNS.some((pattern) => new RegExp(pattern).test(secret))).toBe(false);
    if (secret.length > 6) expect(problem).not.toContain(secret);
  });
});

test.each([`v1,${whsec(32)}`, whsec(32).toUpperCase(), ` ${whsec(32)}`])(
  "checkSecret says what to paste in place of %p",
  (secret) => expect(checkSecret(secret)).toContain("paste"),
);

test("the patterns of a secret match random bytes of every accepted length", () => {
  for (let bytes = 20; bytes <= 70; bytes++) {
    for (let round = 0; round < 20; round++) {
      const key = crypto.getRandomValues(new Uint8Array(bytes));
      const secret = `whsec_${Buffer.from(key).toString("base64")}`;
      const fits = SECRET_PATTERNS.some((pattern) => new RegExp(pattern).test(secret));
      expect([bytes, fits]).toEqual([bytes, checkSecret(secret) === null]);
    }
  }
});

describe("the key of a secret", () => {
  test("for the standard signature is the decoded whsec_ secret", () => {
    expect(standardKeyBytes("whsec_AAECAw==")).toEqual(new Uint8Array([0, 1, 2, 3]));
  });
  test("for the standard signature is the UTF-8 of any other secret", () => {
    expect(standardKeyBytes("aé")).toEqual(new Uint8Array([0x61, 0xc3, 0xa9]));
  });
  test("for a hex signature is the text as shown, including the prefix", () => {
    expect(hexKeyBytes("whsec_A")).toEqual(new TextEncoder().encode("whsec_A"));
  });
  test.each(["whsec_", "whsec_*", "whsec_AAE"])("of %p throws, without showing it", (secret) => {
    expect(() => standardKeyBytes(secret)).toThrow("well-formed base64");
  });
});
