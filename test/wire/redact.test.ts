import { expect, test } from "bun:test";
import { redact } from "../../src/wire/redact.ts";

test.each([
  ["user and password of a URL", "at redis://user:p@ss@h:1/0", "at redis://***@h:1/0"],
  ["a password alone", "rediss://:hunter2@h", "rediss://***@h"],
  ["a user alone", '"http://token@h/x"', '"http://***@h/x"'],
  ["every URL of several", "a://b:c@d, a://b:c@d", "a://***@d, a://***@d"],
  ["a query", "GET https://h/p?token=1&x=2 failed", "GET https://h/p?*** failed"],
  ["a query behind credentials", "https://u:p@h/?t=1#f", "https://***@h/?***#f"],
  ["a webhook secret", "whsec_MfKQ9r8G/YqrTw+UPD8= is", "whsec_*** is"],
  ["a bearer token", "Authorization: Bearer abcdefghijklmnopqr", "Authorization: Bearer ***"],
  ["basic credentials", "basic dXNlcjpwYXNzd29yZA==", "basic ***"],
])("redact removes %s", (_, text, shown) => {
  expect(redact(text)).toBe(shown);
});

test.each([
  "connect ECONNREFUSED 127.0.0.1:6379",
  "https://example.com/hooks/@user is not reachable",
  "write to someone@example.com, is this basic knowledge?",
  "WRONGPASS invalid username-password pair or user is disabled.",
])("redact leaves %p unchanged", (text) => {
  expect(redact(text)).toBe(text);
});

test.each(["https://", "a.", "a://b:", "whsec_", "basic ", "?", "@"])(
  "comes to an end on a text that is %p many times",
  (part) => {
    const text = part.repeat(100_000);
    expect(redact(text).length).toBeLessThanOrEqual(text.length);
  },
);
