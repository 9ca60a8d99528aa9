import { describe, expect, test } from "bun:test";
import { isTraceparent } from "../../src/wire/traceparent.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

describe("isTraceparent accepts", () => {
  test.each([
    `00-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-ff`,
    `cc-${TRACE}-${PARENT}-01`,
    `cc-${TRACE}-${PARENT}-01-what-the-future-brings`,
  ])("%s", (text) => expect(isTraceparent(text)).toBe(true));
});

describe("isTraceparent refuses", () => {
  test.each([
    ["", "nothing"],
    [`ff-${TRACE}-${PARENT}-01`, "version ff"],
    [`00-${TRACE}-${PARENT}-01-more`, "more behind version 00"],
    [`cc-${TRACE}-${PARENT}-01.more`, "more without a dash"],
    [`cc-${TRACE}-${PARENT}-01-a\r\nHost: b`, "a line break"],
    [`00-${"0".repeat(32)}-${PARENT}-01`, "trace id 0"],
    [`00-${TRACE}-${"0".repeat(16)}-01`, "parent id 0"],
    [`00-${TRACE.toUpperCase()}-${PARENT}-01`, "upper case"],
    [`00-${TRACE.slice(1)}-${PARENT}-01`, "a short trace id"],
    [`00-${TRACE}-${PARENT}-1`, "short flags"],
    [`00-${TRACE}-${PARENT}`, "no flags"],
  ])("%p: %s", (text) => expect(isTraceparent(text)).toBe(false));
});
