import { expect, test } from "bun:test";
import { Canaries } from "./canaries.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PLAIN = 'a "plain" one / with signs+';
const canaries = new Canaries();
canaries.add("secret", SECRET);
canaries.add("plain", PLAIN);

const b64 = (text: string) => Buffer.from(text).toString("base64");

test.each([
  ["secret", "as it is", `x${SECRET}y`],
  ["secret", "without its prefix", SECRET.slice(6)],
  ["secret", "decoded, in hex", Buffer.from(SECRET.slice(6), "base64").toString("hex")],
  ["plain", "in JSON", JSON.stringify({ a: PLAIN })],
  ["plain", "URL-encoded", `?a=${encodeURIComponent(PLAIN)}`],
  ["plain", "in upper-case hex", Buffer.from(PLAIN).toString("hex").toUpperCase()],
  ["plain", "in base64", b64(PLAIN)],
  ["plain", "in base64 behind one byte", b64(`u${PLAIN}`)],
  ["plain", "in base64 behind two bytes, before others", b64(`u:${PLAIN}:and more`)],
  ["plain", "in base64url", Buffer.from(`user:${PLAIN}`).toString("base64url")],
])("finds the %s one %s", (name, _, text) => {
  const found = canaries.leaksIn("here", text);
  expect(new Set(found.map((leak) => leak.name))).toEqual(new Set([name]));
  expect(canaries.leaksIn("here", text, [name])).toEqual([]);
});

test("the search finds no canary where there is none", () => {
  expect(canaries.leaksIn("here", `${SECRET.slice(0, -1)} a plain one`)).toEqual([]);
});
