import { describe, expect, test } from "bun:test";
import {
  compilePatterns,
  isEventPattern,
  isEventType,
  matchesPattern,
} from "../../src/wire/event-pattern.ts";

describe("isEventType", () => {
  test.each(["file.created", "file", "a.b.c", "org.userAdded", "A_1.2", "x".repeat(128)])(
    "accepts %p",
    (text) => expect(isEventType(text)).toBe(true),
  );
  test.each([
    "",
    ".",
    "file.",
    ".file",
    "file..created",
    "file created",
    "file.created\n",
    "file-created",
    "datei.geändert",
    "file.*",
    "*",
    "x".repeat(129),
  ])("refuses %p", (text) => expect(isEventType(text)).toBe(false));
});

describe("isEventPattern", () => {
  test.each(["*", "file.created", "file.*", "a.b.*", `${"x".repeat(128)}.*`])(
    "accepts %p",
    (text) => expect(isEventPattern(text)).toBe(true),
  );
  test.each(["", ".*", "*.created", "file*", "file.*.x", "**", "file.**", "file. *", "*.*"])(
    "refuses %p",
    (text) => expect(isEventPattern(text)).toBe(false),
  );
});

describe("a pattern", () => {
  test.each<[pattern: string, type: string, isMatch: boolean]>([
    ["*", "file.created", true],
    ["file.created", "file.created", true],
    ["file.created", "file.createdAgain", false],
    ["file.created", "file.created.now", false],
    ["file.created", "File.created", false],
    ["file.*", "file.created", true],
    ["file.*", "file.version.created", true],
    ["file.*", "file", false],
    ["file.*", "files.created", false],
    ["file.*", "my.file.created", false],
    ["a.b.*", "a.b.c", true],
    ["a.b.*", "a.c", false],
  ])("%s, event %s: %p, compiled or not", (pattern, type, isMatch) => {
    expect(matchesPattern(pattern, type)).toBe(isMatch);
    expect(compilePatterns([pattern])(type)).toBe(isMatch);
    expect(compilePatterns(["other.*", "other.one", pattern])(type)).toBe(isMatch);
  });

  test("list that is empty matches nothing", () => {
    expect(compilePatterns([])("file.created")).toBe(false);
  });
});
