import { describe, expect, test } from "bun:test";
import { isOwnerId, ownerRef, splitOwnerRef } from "../../src/wire/owner.ts";

describe("isOwnerId accepts", () => {
  test.each([
    "u_1",
    "auth0|5f7c8ec7",
    "...",
    ".a",
    "a/..",
    "%2e",
    "%2e%2e",
    "anna@example.com",
    "ünïcode",
    "用户",
    "a".repeat(128),
    "é".repeat(64),
    "日".repeat(42),
    "😀".repeat(32),
  ])("%p", (id) => expect(isOwnerId(id)).toBe(true));
});

describe("isOwnerId refuses", () => {
  test.each([
    ["", "nothing"],
    [".", "a segment that a URL drops"],
    ["..", "a segment that a URL drops, with the one before it"],
    ["a b", "a space"],
    ["a\u00a0b", "a no-break space"],
    ["a\tb", "a tab"],
    ["a\0", "a NUL"],
    ["a\u007f", "DEL"],
    ["a\u0085", "a C1 control"],
    ["a\u2028", "a line separator"],
    ["{a}", "braces, which would set a hash tag"],
    ["a}", "a closing brace"],
    ["a\ud800", "a lone surrogate, which UTF-8 would replace"],
    ["a".repeat(129), "129 bytes of ASCII"],
    [`${"é".repeat(64)}a`, "129 bytes of two-byte characters"],
    [`${"日".repeat(42)}abc`, "129 bytes of three-byte characters"],
    [`${"😀".repeat(32)}a`, "129 bytes of four-byte characters"],
  ])("%p: %s", (id) => expect(isOwnerId(id)).toBe(false));
});

test("an owner's reference keeps colons in its id", () => {
  const ref = ownerRef("org", "a:b:c");
  expect(splitOwnerRef(ref)).toEqual({ kind: "org", id: "a:b:c" });
});
