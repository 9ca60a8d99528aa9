import { describe, expect, test } from "bun:test";
import { chooseEncoding, hasTag } from "../../src/dashboard/encoding.ts";

describe("the encoding is the smallest that the client accepts", () => {
  test.each([
    ["gzip, deflate, br, zstd", "br"],
    ["gzip", "gzip"],
    ["GZIP;q=0.5", "gzip"],
    ["br;q=0, gzip", "gzip"],
    ["br;q=0, gzip;q=0", "identity"],
    ["*", "br"],
    ["br;q=0, *", "gzip"],
    ["*;q=0", "identity"],
    ["identity", "identity"],
    ["", "identity"],
    [null, "identity"],
    ["br;q=nonsense", "identity"],
  ])("%p: %p", (header, expected) => {
    expect(chooseEncoding(header)).toBe(expected as ReturnType<typeof chooseEncoding>);
  });
});

describe("a tag that the client has", () => {
  test.each([
    ['"a-br"', true],
    ['W/"a-br"', true],
    ['"x", "a-br"', true],
    ["*", true],
    ['"a-gzip"', false],
    ["a-br", false],
    [null, false],
  ])("%p: %p", (header, expected) => {
    expect(hasTag(header, '"a-br"')).toBe(expected);
  });
});
