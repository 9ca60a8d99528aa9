// What bounds an expression when it runs: elements, work, bytes, depth. All on bodies up to 1 MiB.
import { describe, expect, test } from "bun:test";
import { evaluate, executionOf, MAX_BYTES } from "./support.ts";

const scopeOf = (body: string) => executionOf({ body, query: null });
const listOf = (count: number, element: string) =>
  scopeOf(`{"list":[${Array.from({ length: count }, () => element).join(",")}]}`);

describe("a macro", () => {
  test.each([
    "map(i, i)",
    "filter(i, true)",
    "all(i, true)",
    "exists(i, false)",
    "exists_one(i, false)",
  ])("%s walks over 20,000 elements and refuses 20,001", (macro) => {
    const source = `size([trigger.data.list.${macro}])`;
    expect(evaluate(source, listOf(20_000, "1"))).toBe("1");
    const name = macro.slice(0, macro.indexOf("("));
    expect(evaluate(source, listOf(20_001, "1"))).toBe(
      `too-many-elements: trigger.data.list: ${name}() takes at most 20000 elements, and there are 20001`,
    );
  });

  test("counts the keys of an object", () => {
    const members = Array.from({ length: 20_001 }, (_, at) => `"k${at}":1`).join(",");
    expect(evaluate("trigger.data.map(k, k)", scopeOf(`{${members}}`))).toStartWith(
      "too-many-elements",
    );
  });

  test("counts the elements of a list that was computed", () => {
    const scope = listOf(10_001, "1");
    const source = "(trigger.data.list + trigger.data.list).exists(i, false)";
    expect(evaluate(source, scope)).toStartWith("too-many-elements");
  });

  test("is not saved by an || that swallows errors", () => {
    const scope = listOf(20_001, "1");
    const source = "trigger.data.list.exists(i, false) || true";
    expect(evaluate(source, scope)).toStartWith("too-many-elements");
  });

  test("filters and maps 20,000 objects", () => {
    const scope = listOf(20_000, '{"a":1,"b":"x"}');
    const source = "size(trigger.data.list.filter(i, i.a == 1).map(i, {'x': i.b}))";
    expect(evaluate(source, scope)).toBe("20000");
  });

  test("ends where each element makes an error that exists() swallows", () => {
    const scope = listOf(20_000, "{}");
    expect(evaluate("trigger.data.list.exists(i, i.a == 1)", scope)).toStartWith("too-much-work");
  });
});

describe("work", () => {
  const text = scopeOf(`{"text":"${"ab".repeat(500_000)}"}`);
  test("a text of 1 MiB is counted once, and not thirty times", () => {
    expect(evaluate("size(trigger.data.text)", text)).toBe("1000000");
    const thirty = Array.from({ length: 30 }, () => "size(trigger.data.text)").join("+");
    expect(evaluate(thirty, text)).toStartWith("too-much-work");
  });

  test("a text of 1 MiB is searched twenty times", () => {
    const twenty = Array.from({ length: 20 }, () => 'trigger.data.text.contains("x")').join("||");
    expect(evaluate(twenty, text)).toBe("false");
  });

  test("to compare two large lists is counted by what is in them", () => {
    const list = `[${Array.from({ length: 100_000 }, () => "1").join(",")}]`;
    const scope = scopeOf(`{"a":${list},"b":${list}}`);
    expect(evaluate("trigger.data.a == trigger.data.b", scope)).toBe("true");
    const ten = Array.from({ length: 10 }, () => "(trigger.data.a != trigger.data.b)").join("||");
    expect(evaluate(ten, scope)).toStartWith("too-much-work");
  });

  test("is counted again from zero with each evaluation", () => {
    for (let round = 0; round < 20; round++) {
      expect(evaluate("size(trigger.data.text)", text)).toBe("1000000");
    }
  });

  test("to ask for a key, or for null, costs nothing of a large object", () => {
    const large = listOf(300_000, "1");
    expect(evaluate('"list" in trigger.data && trigger.data.list != null', large)).toBe("true");
  });
});

describe("the size of a result", () => {
  test("is that of its UTF-8, for a plain path", () => {
    const scope = scopeOf(`{"t":"${"é".repeat(100)}"}`);
    expect(evaluate("trigger.data.t", scope, 202)).toStartWith('"é');
    expect(evaluate("trigger.data.t", scope, 201)).toBe(
      "too-large: trigger.data.t is longer than 201 bytes",
    );
  });

  test("is that of its UTF-8, for a computation", () => {
    const scope = scopeOf(`{"t":"${"é".repeat(100)}"}`);
    expect(evaluate('trigger.data.t + ""', scope, 202)).toStartWith('"é');
    expect(evaluate('trigger.data.t + ""', scope, 201)).toBe(
      "too-large: the result is longer than 201 bytes",
    );
  });

  test("is counted before a text of 40 MB is made", () => {
    const scope = scopeOf(`{"t":"${"x".repeat(1_000_000)}"}`);
    const source = Array.from({ length: 40 }, () => "trigger.data.t").join("+");
    Bun.gc(true);
    const before = process.memoryUsage().rss;
    expect(evaluate(source, scope, MAX_BYTES)).toMatch(/^too-(?:large|much-work)/);
    expect(process.memoryUsage().rss - before).toBeLessThan(30_000_000);
  });
});

describe("nesting", () => {
  const nested = (depth: number) =>
    scopeOf(`{"a":1,"x":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`);
  test("of 64 is computed with, of 65 is refused", () => {
    expect(evaluate("trigger.data.a + 1", nested(64))).toBe("2");
    expect(evaluate("trigger.data.a + 1", nested(65))).toBe(
      "too-deep: trigger.data is nested deeper than 64",
    );
  });

  test("of 100,000 does not stop a plain path", () => {
    expect(evaluate("trigger.data.a", nested(100_000))).toBe("1");
  });
});
