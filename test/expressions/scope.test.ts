import { expect, test } from "bun:test";
import { Scope } from "../../src/expressions/scope.ts";

function dataOf(scope: Scope): unknown {
  const read = scope.values([["trigger", "data"]]);
  return read.ok ? read.values["trigger"]?.get("data") : read.tooDeep;
}

test("a scope parses each text once, and only what is asked for", () => {
  const scope = new Scope(([, part]) => (part === "data" ? '{"a":1}' : "not JSON"));
  const data = dataOf(scope);
  expect(data).toEqual({ a: 1 });
  expect(dataOf(scope)).toBe(data);
});

test("a scope sees a result that is added after an evaluation", () => {
  const outputs = new Map<string, string>();
  const scope = new Scope(([, id = ""]) => outputs.get(id));
  const root = ["nodes", "a", "output"];
  expect(scope.values([root])).toEqual({
    ok: true,
    values: { nodes: new Map([["a", new Map()]]) },
  });
  outputs.set("a", "1");
  expect(scope.values([root])).toEqual({
    ok: true,
    values: { nodes: new Map([["a", new Map([["output", 1]])]]) },
  });
});
