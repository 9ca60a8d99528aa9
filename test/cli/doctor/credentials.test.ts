import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { estimateBits, checkSecretKeys, checkToken } from "../../../src/cli/doctor/credentials.ts";
import { seededRandom } from "../../wire/seeded-random.ts";

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const random = base64(randomBytes(32));

describe("the API token", () => {
  test.each([
    ["openssl rand -hex 24", "f0c1a9d27be6483c5d1e90b7a4f2386cd95e7b10a8c64f23"],
    ["the shortest random one", "9fK2pQ7xWm4ZcV8sLr3Tb6Hn"],
    ["base64", "q8Zr1TqX0m5Yc7u2Jt9vNw4eKf6hLs3a+B/DgPi="],
    ["a name before random digits", "fluxhook_f0c1a9d27be6483c5d1e90b7a4f2386c"],
  ])("is strong enough: %s", (_, token) => {
    expect(checkToken([token], "0.0.0.0").status).toBe("ok");
  });

  test.each([
    ["one character", "a".repeat(40)],
    ["a placeholder, repeated", "changeme-changeme-changeme"],
    ["words that everybody tries first", "my-secret-token-password1"],
    ["a run", "abcdefghijklmnopqrstuvwxyz"],
    ["digits in order, twice", "01234567890123456789012345"],
    ["a part that repeats", "x7Kp2x7Kp2x7Kp2x7Kp2x7Kp2"],
    ["few different characters", "abbabaabbaababbabaababbaabab"],
  ])("is weak: %s", (_, token) => {
    expect(checkToken([token], "127.0.0.1").status).toBe("warning");
    expect(checkToken([token], "0.0.0.0").status).toBe("problem");
    expect(checkToken([token], "0.0.0.0").found).toContain("other machines");
  });

  test.each(["127.0.0.1", "127.9.9.9", "::1", "localhost"])(
    "that is weak is a warning only while %s alone is listened on",
    (host) => expect(checkToken(["a".repeat(40)], host).status).toBe("warning"),
  );

  test.each(["0.0.0.0", "::", "10.0.0.1", "myhost"])("and a problem on %s", (host) =>
    expect(checkToken(["a".repeat(40)], host).status).toBe("problem"),
  );

  test("is a problem if missing, because `serve` does not start", () => {
    expect(checkToken(undefined, "127.0.0.1").status).toBe("problem");
  });

  test("is never reported as weak for 2,000 random tokens of the shortest form", () => {
    const next = seededRandom(1);
    for (let n = 0; n < 2_000; n++) {
      const digits = Array.from({ length: 24 }, () => Math.floor(next() * 16).toString(16));
      const token = digits.join("");
      expect([token, checkToken([token], "0.0.0.0").status]).toEqual([token, "ok"]);
    }
  });

  test("is checked quickly, even if long and repetitive", () => {
    expect(estimateBits("ab".repeat(500_000))).toBeLessThan(40);
  });
});

describe("the secret key", () => {
  const half = randomBytes(16);
  test.each([
    ["random bytes", [random], "ok"],
    ["several", [random, base64(randomBytes(32))], "ok"],
    ["none", [], "warning"],
    ["all bytes the same", [base64(new Uint8Array(32).fill(7))], "problem"],
    ["zeros behind a good one", [random, base64(new Uint8Array(32))], "problem"],
    ["bytes that count up", [base64(Uint8Array.from({ length: 32 }, (_, i) => i))], "problem"],
    [
      "bytes that count down",
      [base64(Uint8Array.from({ length: 32 }, (_, i) => 99 - i))],
      "problem",
    ],
    ["half a key, twice", [base64(Buffer.concat([half, half]))], "problem"],
    ["one letter", [base64(Buffer.from("k".repeat(32)))], "problem"],
    ["a sentence", [base64(Buffer.from("correct horse battery staple, ok"))], "warning"],
    ["hexadecimal digits", [base64(Buffer.from("f0c1a9d27be6483c5d1e90b7a4f2386c"))], "warning"],
    ["the same twice", [random, random], "warning"],
  ] as const)("of %s", (_, keys, status) => {
    expect(checkSecretKeys(keys).status).toBe(status);
  });

  test("and the token are never printed", () => {
    const key = base64(new Uint8Array(32));
    const token = "canary".repeat(6);
    const said = JSON.stringify([checkSecretKeys([key]), checkToken([token], "::")]);
    expect(said).not.toContain(key);
    expect(said).not.toContain("canary");
  });
});
