import { describe, expect, test } from "bun:test";
import { addressOf, readForwardTo } from "../../../src/cli/listen/forward-to.ts";

describe("--forward-to", () => {
  test.each([
    ["3000", "http://localhost:3000/"],
    ["3000/hooks", "http://localhost:3000/hooks"],
    [":3000/path", "http://localhost:3000/path"],
    ["localhost:3000", "http://localhost:3000/"],
    ["localhost:80/a", "http://localhost/a"],
    ["localhost:3000/webhooks/flux", "http://localhost:3000/webhooks/flux"],
    ["app.internal:3000", "http://app.internal:3000/"],
    ["[::1]:3000/a", "http://[::1]:3000/a"],
    ["https://localhost:3443/a/", "https://localhost:3443/a/"],
    ["HTTP://example.test", "http://example.test/"],
  ])("takes %p", (text, expected) => {
    expect(readForwardTo(text)?.href).toBe(expected);
  });

  test.each([
    "",
    "localhost",
    "localhost/3000",
    "0",
    "65536",
    ":",
    "ftp://localhost:3000",
    "http://",
    "http://user:secret@localhost:3000",
    "localhost:3000/?a=1",
    "localhost:3000/#a",
    "localhost:3000/a b",
    "localhost:3000\\a",
  ])("refuses %p", (text) => {
    expect(readForwardTo(text)).toBeNull();
  });
});

describe("a request below the session's URL", () => {
  test.each([
    ["http://localhost:1/hook", "", "http://localhost:1/hook"],
    ["http://localhost:1/hook/", "", "http://localhost:1/hook/"],
    ["http://localhost:1/hook", "?a=1", "http://localhost:1/hook?a=1"],
    ["http://localhost:1/hook", "/", "http://localhost:1/hook/"],
    ["http://localhost:1/hook/", "/rest?x=%2F", "http://localhost:1/hook/rest?x=%2F"],
    ["http://localhost:1/", "/rest%20a//b", "http://localhost:1/rest%20a//b"],
    ["http://localhost:1/", "//evil.example/x", "http://localhost:1//evil.example/x"],
    ["http://localhost:1/a", "/@evil.example/", "http://localhost:1/a/@evil.example/"],
  ])("of %p: %p goes to %p", (base, rest, expected) => {
    expect(addressOf(new URL(base), rest)?.href).toBe(expected);
  });

  test.each(["/..", "/../admin", "/%2e%2e/admin", "/x/../../admin", "/..\\admin"])(
    "does not lead out of the path: %p",
    (rest) => {
      expect(addressOf(new URL("http://localhost:1/hook"), rest)).toBeNull();
    },
  );
});
