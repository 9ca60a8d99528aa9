import { createHmac, pbkdf2Sync } from "node:crypto";
import { describe, expect, test } from "bun:test";
import { SignedTokens } from "../../../src/api/auth/signed-tokens.ts";
import type { TokenClaims } from "../../../src/api/auth/token-claims.ts";
import { ownerClaims } from "../../support/tokens.ts";

const API_TOKEN = "test-token-of-24-characters";
const NOW = new Date("2026-01-02T03:04:05.678Z");
const LATER = new Date(NOW.getTime() + 60_000);
const tokens = new SignedTokens([API_TOKEN]);
const key = pbkdf2Sync(API_TOKEN, "fluxhook token v2", 600_000, 32, "sha256");

const claims = ownerClaims({ kind: "user", id: "u_1" }, NOW, LATER);
const token = await tokens.sign(claims);
const [, payload = "", mac = ""] = token.split(".");

const base64url = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A JWT behind the prefix, signed with the right key unless another one is given. */
function jwt(head: unknown, body: unknown, signedWith: Buffer | string = key, hash = "sha256") {
  const text = `${base64url(head)}.${typeof body === "string" ? body : base64url(body)}`;
  return `fht_${text}.${createHmac(hash, signedWith).update(text).digest("base64url")}`;
}
const HEAD = { alg: "HS256", typ: "JWT" };
const RAW = { kind: "user", id: "u_2", jti: "tok_1", iat: 1, exp: 99_999_999_999 };

describe("a signed token", () => {
  test.each<[string, Partial<TokenClaims>]>([
    ["a user", { reach: { kind: "owner", owner: "user:u_1" } }],
    ["an organisation", { reach: { kind: "owner", owner: "org:u_1" } }],
    ["an id with a colon", { reach: { kind: "owner", owner: "user:org:u_1" } }],
    ["an id with all kinds of signs", { reach: { kind: "owner", owner: 'user:a"\\b.c/../%00é' } }],
    ["an id that objects have", { reach: { kind: "owner", owner: "user:__proto__" } }],
    ["the longest id", { reach: { kind: "owner", owner: `org:${"💥".repeat(32)}` } }],
    ["everything", { reach: { kind: "api" }, name: "💥".repeat(100), readOnly: true }],
    ["an owner that makes keys", { mayMakeKeys: true, name: "é" }],
  ])("carries its claims: %s", async (_, given) => {
    const all = { ...claims, ...given };
    expect(await tokens.read(await tokens.sign(all), NOW)).toEqual(all);
  });

  test("is `fht_` and a JWT by HMAC-SHA256, with a key derived by PBKDF2 from the API token", () => {
    const body = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
    expect(body).toEqual({
      kind: "user",
      id: "u_1",
      jti: "tok_of_a_test",
      iat: NOW.getTime() / 1_000,
      exp: LATER.getTime() / 1_000,
    });
    expect(token).toBe(jwt(HEAD, payload));
  });

  test("is accepted by another replica, and by one that has the API token among others", async () => {
    expect(await new SignedTokens([API_TOKEN]).read(token, NOW)).toEqual(claims);
    const next = new SignedTokens(["next-token-of-24-characters", API_TOKEN]);
    expect(await next.read(token, NOW)).toEqual(claims);
    // The first API token signs: the old replica, which does not know it, refuses the new token.
    expect(await tokens.read(await next.sign(claims), NOW)).toBe("wrong");
  });

  test("is wrong under another API token", async () => {
    expect(await new SignedTokens([`${API_TOKEN}!`]).read(token, NOW)).toBe("wrong");
  });

  test("expires at its time and not before", async () => {
    expect(await tokens.read(token, new Date(LATER.getTime() - 1))).toEqual(claims);
    expect(await tokens.read(token, LATER)).toBe("expired");
  });

  test("is judged by the given time alone, not by the machine's clock", async () => {
    const past = ownerClaims({ kind: "user", id: "u_1" }, new Date(0), new Date(1_000));
    expect(await tokens.read(await tokens.sign(past), new Date(999))).toEqual(past);
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

describe("a forged token is wrong and never expired", () => {
  const shared = `fht_${base64url(HEAD)}.${payload}`;
  test.each<[string, string]>([
    ["the prefix alone", "fht_"],
    ["no signature", `${shared}.`],
    ["two parts", shared],
    ["a signature cut short", token.slice(0, -1)],
    ["a signature followed by more", `${token}A`],
    ["padding", `${token}=`],
    ["a line feed at the end", `${token}\n`],
    ["a blank before it", ` ${token}`],
    ["another prefix", token.replace("fht_", "fhx_")],
    ["no prefix", token.slice(4)],
    ["the algorithm none", `fht_${base64url({ alg: "none", typ: "JWT" })}.${payload}.`],
    ["the algorithm none and a signature", jwt({ alg: "none", typ: "JWT" }, payload)],
    ["the algorithm HS512 in its head", jwt({ alg: "HS512", typ: "JWT" }, RAW)],
    ["a signature by SHA-512", jwt({ alg: "HS512", typ: "JWT" }, RAW, key, "sha512").slice(0, -43)],
    ["the algorithm in lower case", jwt({ alg: "hs256", typ: "JWT" }, RAW)],
    ["another type", jwt({ alg: "HS256", typ: "at+jwt" }, RAW)],
    ["a critical extension", jwt({ ...HEAD, crit: ["exp"] }, RAW)],
    ["a head that is no JSON", jwt("{", RAW)],
    ["a signature keyed with the API token itself", jwt(HEAD, RAW, API_TOKEN)],
    ["a signature keyed with nothing", jwt(HEAD, RAW, "")],
    [
      "a signature keyed as the version before did",
      jwt(HEAD, RAW, pbkdf2Sync(API_TOKEN, "fluxhook scoped token v1", 600_000, 32, "sha256")),
    ],
    [
      "another owner's claims under this signature",
      `fht_${base64url(HEAD)}.${base64url(RAW)}.${mac}`,
    ],
    ["long expired claims under a wrong signature", jwt(HEAD, { ...RAW, exp: 2 }, "wrong")],
    ["a very long one", `fht_${base64url(HEAD)}.${"A".repeat(100_000)}.${mac}`],
  ])("given %s", async (_, forged) => {
    expect(await tokens.read(forged, NOW)).toBe("wrong");
  });
});

describe("rightly signed claims of no version that is known are wrong, without an exception", () => {
  test("the claims that the others differ from are right", async () => {
    expect(await tokens.read(jwt(HEAD, RAW), NOW)).toMatchObject({ id: "tok_1" });
  });

  test.each<[string, unknown]>([
    ["no object", "null"],
    ["an owner that is refused", { ...RAW, id: ".." }],
    ["no owner", { ...RAW, id: undefined }],
    ["an owner and everything", { ...RAW, kind: "all" }],
    ["another kind", { ...RAW, kind: "admin" }],
    ["no end", { ...RAW, exp: undefined }],
    ["an end that is a text", { ...RAW, exp: "99999999999" }],
    ["an unknown claim", { ...RAW, scope: "write" }],
    ["read_only false", { ...RAW, read_only: false }],
  ])("%s", async (_, body) => {
    const forged = jwt(HEAD, body === "null" ? base64url("null") : body);
    expect(await tokens.read(forged, NOW)).toBe("wrong");
  });
});
