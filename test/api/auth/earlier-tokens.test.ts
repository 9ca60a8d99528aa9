// Tokens of the version before: made here as it made them.
import { createHmac, hkdfSync, pbkdf2Sync } from "node:crypto";
import { describe, expect, test } from "bun:test";
import { SignedTokens } from "../../../src/api/auth/signed-tokens.ts";

const API_TOKEN = "test-token-of-24-characters";
const NOW = new Date("2026-01-02T03:04:05.678Z");
const LATER = new Date(NOW.getTime() + 60_000);
const tokens = new SignedTokens([API_TOKEN]);

const base64url = (text: string) => Buffer.from(text).toString("base64url");
const claimsOf = (id: string, kind = "user") =>
  base64url(JSON.stringify({ kind, id, iat: NOW.getTime(), exp: LATER.getTime() }));
const key = pbkdf2Sync(API_TOKEN, "fluxhook scoped token v1", 600_000, 32, "sha256");

/** As `POST /v1/tokens` of 0.1.0 answered it. */
function earlierToken(kind: "user" | "org", id: string): string {
  const text = `fht_${claimsOf(id, kind)}`;
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}

const token = earlierToken("user", "u_1");
const [signed = "", mac = ""] = token.split(".");

describe("a token of the version before", () => {
  test.each<["user" | "org", string]>([
    ["user", "u_1"],
    ["org", "u_1"],
    ["user", "org:u_1"],
    ["user", 'a"\\b.c/../%00é'],
    ["user", "__proto__"],
    ["org", "💥".repeat(32)],
  ])("carries the %s %p as its owner", async (kind, id) => {
    expect(await tokens.read(earlierToken(kind, id), NOW)).toEqual({
      reach: { kind: "owner", owner: `${kind}:${id}` },
      id: "",
      name: null,
      readOnly: false,
      mayMakeKeys: false,
      issuedAtMs: NOW.getTime(),
      expiresAtMs: LATER.getTime(),
    });
  });

  test("is accepted by another replica with the same API token", async () => {
    expect(await new SignedTokens([API_TOKEN]).read(token, NOW)).toMatchObject({
      reach: { owner: "user:u_1" },
    });
  });

  test("is wrong under another API token", async () => {
    expect(await new SignedTokens([`${API_TOKEN}!`]).read(token, NOW)).toBe("wrong");
  });

  test("expires at its time and not before", async () => {
    expect(await tokens.read(token, new Date(LATER.getTime() - 1))).toMatchObject({
      reach: { owner: "user:u_1" },
    });
    expect(await tokens.read(token, LATER)).toBe("expired");
  });

  test("is wrong, without an exception, if its signed claims are not valid in this version", async () => {
    for (const id of [".", "..", "a b"]) {
      expect(await tokens.read(earlierToken("user", id), NOW)).toBe("wrong");
    }
  });

  test("is wrong with any bit of it flipped", async () => {
    const accepted: string[] = [];
    for (let at = 0; at < token.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = String.fromCharCode(token.charCodeAt(at) ^ (1 << bit));
        const forged = token.slice(0, at) + flipped + token.slice(at + 1);
        if ((await tokens.read(forged, NOW)) !== "wrong") accepted.push(forged);
      }
    }
    expect(accepted).toEqual([]);
  });
});

describe("a forged one is wrong and never expired", () => {
  const under = (secret: Buffer | string, text: string, hash = "sha256") =>
    createHmac(hash, secret).update(text).digest("base64url").slice(0, 43);
  const other = `fht_${claimsOf("u_2")}`;
  const longExpired = `fht_${base64url('{"kind":"user","id":"u_1","iat":1,"exp":2}')}`;
  const jwtHead = base64url('{"alg":"none","typ":"JWT"}');
  const jwtBody = base64url('{"owner":"user:u_1","exp":99999999999}');

  test.each<[string, string]>([
    ["an empty token", ""],
    ["the prefix alone", "fht_"],
    ["no signature", `${signed}.`],
    ["no dot", signed],
    ["a signature cut short", token.slice(0, -1)],
    ["a signature followed by more", `${token}A`],
    ["padding", `${token}=`],
    ["a line feed at the end", `${token}\n`],
    ["a signature in base64", `${signed}.${mac.slice(0, -2)}+/`],
    ["no claims", `fht_.${mac}`],
    ["another owner's claims under this signature", `${other}.${mac}`],
    ["the signature of the claims without the prefix", `${other}.${under(key, other.slice(4))}`],
    ["a signature keyed with the API token itself", `${other}.${under(API_TOKEN, other)}`],
    ["a signature keyed with nothing", `${other}.${under("", other)}`],
    ["a signature by SHA-512", `${other}.${under(key, other, "sha512")}`],
    [
      "a signature keyed by HKDF",
      `${other}.${under(Buffer.from(hkdfSync("sha256", API_TOKEN, "", "fluxhook scoped token v1", 32)), other)}`,
    ],
    ["a JWT without an algorithm", `${jwtHead}.${jwtBody}.`],
    ["a JWT behind the prefix", `fht_${jwtHead}.${jwtBody}.${mac}`],
    ["a JWT signed with the API token", `${jwtHead}.${jwtBody}.${under(API_TOKEN, jwtHead)}`],
    ["old claims under a wrong signature", `${longExpired}.${mac}`],
    ["a very long one", `fht_${"A".repeat(100_000)}.${mac}`],
  ])("given %s", async (_, forged) => {
    expect(await tokens.read(forged, NOW)).toBe("wrong");
  });
});
