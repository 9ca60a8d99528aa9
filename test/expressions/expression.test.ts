// The rules of docs/expressions.md for one expression, as tables.
import { describe, expect, test } from "bun:test";
import { compileExpression } from "../../src/expressions/expression.ts";
import { evaluate, executionOf, refusalOf, ROOTS } from "./support.ts";

type Row = [claim: string, source: string, result: string];
const rows = (claims: readonly Row[]) =>
  test.each([...claims])("%s: %s", (_claim, source, result) => {
    expect(evaluate(source)).toBe(result);
  });

describe("a plain path is cut out of the text", () => {
  rows([
    ["a big integer stays itself", "trigger.data.id", "12345678901234567890"],
    ["a number keeps its zeros", "trigger.data.price", "1.10"],
    ["an object keeps its spaces", "trigger.data.object", '{ "x":1.0 }'],
    ["a text keeps its escapes", "trigger.data.text", '"a\\u0062c"'],
    ["of a key that is there twice the last counts", "trigger.data.twice", "2"],
    ["brackets and indexes are path too", 'trigger["data"].list[1]["sku"]', '"B"'],
    ["null exists", "trigger.data.none", "null"],
    ["constructor is a key like any other", "trigger.data.constructor", '"Ferrari"'],
    ["__proto__ is a key like any other", 'trigger.data["__proto__"].own', "1"],
    ["the output of a node", "nodes.first.output.total", "1.50"],
    ["the error of a node", "nodes.failed.error.code", '"timeout"'],
    ["a node's id may have a hyphen", 'nodes["two-words"].output', "3"],
    ["the id of the execution", "execution.id", '"exec-1"'],
    ["a header", 'trigger.headers["x-a"]', '"1"'],
    ["spaces around do not matter", "  trigger.data.n ", "7"],
  ]);
});

describe("anything else is computed over values", () => {
  rows([
    ["a big integer passes exactly", "[trigger.data.id]", "[12345678901234567890]"],
    ["1.10 becomes 1.1", "[trigger.data.price]", "[1.1]"],
    ["int and double mix in +", "trigger.data.n + 1", "8"],
    ["int and double mix in -", "1 - trigger.data.n", "-6"],
    ["int and double mix in *", "trigger.data.price * 10", "11"],
    ["int and double mix in /", "trigger.data.n / 2", "3.5"],
    ["int and double mix in %", "trigger.data.n % 4", "3"],
    ["% works on two numbers of the data", "trigger.data.n % trigger.data.n", "0"],
    ["two literals are integers in CEL", "7 / 2", "3"],
    [
      "a big integer plus a number of the data is exact",
      "trigger.data.id + trigger.data.n",
      "12345678901234567897",
    ],
    ["text is joined by +", 'trigger.data.text + "!"', '"abc!"'],
    [
      "a list is filtered and mapped",
      "trigger.data.list.filter(i, i.qty > 2).map(i, i.sku)",
      '["B"]',
    ],
    [
      "a filter compares with a path",
      "trigger.data.list.exists(i, i.qty < trigger.data.n)",
      "true",
    ],
    ["a map is written down", '{"a":trigger.data.n,"b":[true,null]}', '{"a":7,"b":[true,null]}'],
    [
      "a timestamp becomes RFC 3339",
      'timestamp(trigger.data.when) + duration("1h")',
      '"2026-01-02T04:04:05.000Z"',
    ],
    ["a time zone is applied", 'timestamp(trigger.data.when).getHours("Europe/Berlin")', "4"],
    ["size counts characters", "size(trigger.data.text)", "3"],
    ["a key constructor is read", 'trigger.data.constructor + "!"', '"Ferrari!"'],
    ["a key __proto__ is read", "trigger.data.__proto__.own + 1", "2"],
    ["an object with such keys passes whole", "[trigger.data][0].constructor", '"Ferrari"'],
    ["the query, also where the body has none", 'trigger.data._query.source + "!"', '"crm!"'],
    ["an unsigned integer is a number", "uint(7)", "7"],
    ["a condition has two results", 'trigger.data.yes ? "on" : "off"', '"on"'],
    ["|| swallows the error of its other side", "trigger.data.nope == 1 || true", "true"],
  ]);
});

describe("an unknown path is an error that names the longest prefix that does not exist", () => {
  rows([
    ["plain", "trigger.data.object.nope", "unknown-path: trigger.data.object.nope does not exist"],
    ["plain and deeper", "trigger.data.nope.a.b", "unknown-path: trigger.data.nope does not exist"],
    ["behind a scalar", "trigger.data.n.x", "unknown-path: trigger.data.n.x does not exist"],
    [
      "past the end of a list",
      "trigger.data.list[9].sku",
      "unknown-path: trigger.data.list[9] does not exist",
    ],
    [
      "a key that is no name",
      'trigger.data["a b"]',
      'unknown-path: trigger.data["a b"] does not exist',
    ],
    ["computed", "1 + trigger.data.nope.a", "unknown-path: trigger.data.nope does not exist"],
    [
      "an index, computed",
      "trigger.data.list[1 + 1]",
      "unknown-path: trigger.data.list[1 + 1] does not exist",
    ],
    [
      "the error of a node that has none",
      "nodes.first.error",
      "unknown-path: nodes.first.error does not exist",
    ],
    [
      "the members of a prototype",
      "trigger.data.toString",
      "unknown-path: trigger.data.toString does not exist",
    ],
    [
      "the length of a list",
      "trigger.data.list.length",
      "unknown-path: trigger.data.list.length does not exist",
    ],
    ["has() asks", "has(trigger.data.nope)", "false"],
    ["has() asks for the error of a node", "has(nodes.first.error)", "false"],
    ["has() finds it", "has(nodes.failed.error)", "true"],
    [".? and orValue() give a value for it", 'trigger.data.?nope.orValue("x")', '"x"'],
    ["a query parameter that did not come is null", "trigger.data._query.nope", "null"],
    ["a header that did not come is null", 'trigger.headers["x-none"]', "null"],
    [
      "deeper than one parameter is an error",
      "trigger.data._query.nope.x",
      "unknown-path: trigger.data._query.nope does not exist",
    ],
    [
      "a parameter that did not come is unknown in a computation",
      'trigger.data._query.nope + "x"',
      "unknown-path: trigger.data._query.nope does not exist",
    ],
  ]);
});

describe("a result that is no JSON fails", () => {
  test.each([
    ["a duration", 'duration("1h")', "not-json"],
    ["division by zero of the data", "trigger.data.price / trigger.data.zero", "not-json"],
    ["an unknown time zone", 'timestamp(trigger.data.when).getHours("Mars/Base")', "failed"],
    [
      "a time past year 9999",
      'timestamp(trigger.data.when) + duration("999999999999h")',
      "not-json",
    ],
    ["an integer that overflows", "trigger.data.id + 1", "failed"],
    ["a text plus a number of the data", "trigger.data.text + trigger.data.n", "failed"],
    ["a text that is no number", "int(trigger.data.text)", "failed"],
  ])("%s", (_claim, source, code) => {
    expect(evaluate(source)).toStartWith(`${code}: `);
  });

  test("an error quotes at most 200 characters of what a sender wrote", () => {
    const scope = executionOf({ body: `{"text":"${"x".repeat(10_000)}"}` });
    expect(evaluate("bool(trigger.data.text)", scope).length).toBeLessThan(300);
  });
});

describe("an expression is refused when it is saved", () => {
  test.each([
    ["nothing in it", "  ", "empty: the expression is empty"],
    [
      "1,001 characters",
      `1${" ".repeat(1_000)}`,
      "too-long: an expression has at most 1000 characters, and this one has 1001",
    ],
    [
      "more than 256 nodes",
      Array.from({ length: 140 }, () => "1").join("+"),
      "too-complex: Exceeded maxAstNodes (256)",
    ],
    [
      "nested deeper than 24",
      "(".repeat(25) + "1" + ")".repeat(25),
      "too-complex: Exceeded maxDepth (24)",
    ],
    ["bad syntax", "1 +", "syntax: Unexpected token: EOF"],
    [
      "an unknown root",
      "payload.a",
      "unknown-root: payload is not a value that an expression can use; there are trigger, nodes and execution",
    ],
    [
      "an unknown part of the trigger",
      "trigger.body",
      "unknown-root: trigger.body is not a value that an expression can use; there are trigger.data and trigger.headers",
    ],
    [
      "the trigger as a whole",
      "trigger",
      "unknown-root: trigger is not a value that an expression can use; there are trigger.data and trigger.headers",
    ],
    [
      "a part that the data choose",
      "trigger[trigger.data.text]",
      "unknown-root: trigger is not a value that an expression can use; there are trigger.data and trigger.headers",
    ],
    [
      "an unknown root inside a computation",
      "1 + payload.a",
      "unknown-root: payload is not a value that an expression can use; there are trigger, nodes and execution",
    ],
    ["an unknown node", "nodes.nope.output", 'unknown-node: there is no node "nope"'],
    [
      "a hyphen that is a minus",
      "nodes.two-words.output",
      'unknown-node: there is no node "two"; write nodes["two-words"] for two-words',
    ],
    [
      "a node that comes later",
      "nodes.later.output",
      'node-not-before: the node later does not come before this one (by "after")',
    ],
    [
      "a part that nodes have not",
      "nodes.first.result",
      "unknown-root: nodes.first.result is not a value that an expression can use; there are nodes.first.output and nodes.first.error",
    ],
    ["types that never fit", '"a" + 1', "wrong-type: no such overload: string + int"],
    [
      "a value that may be missing",
      "trigger.data.?a",
      "wrong-type: trigger.data.?a may be missing: write .orValue(…) behind it",
    ],
    [
      "matches()",
      'trigger.data.text.matches("(a+)+$")',
      "not-supported: matches() is not supported: a regular expression may take unbounded time",
    ],
    [
      "cel.bind()",
      "cel.bind(x, 1, x)",
      "not-supported: cel.bind() is not supported: a chain of them doubles a text without end",
    ],
    ["bytes()", 'bytes("a")', "not-supported: bytes() is not supported: bytes are no JSON"],
    ["a bytes literal", "b'a'", "not-supported: bytes are not supported: they are no JSON"],
    ["type()", "type(1)", "not-supported: type() is not supported: a type is no JSON"],
    [
      "a macro inside a macro",
      "trigger.data.list.map(i, [i].map(j, j))",
      "not-supported: map() inside map() is not supported",
    ],
    [
      "three macros",
      "[1].map(i, i).map(i, i).map(i, i)",
      "not-supported: at most 2 macros (map, filter, all, exists, exists_one)",
    ],
    [
      "another name inside map()",
      "trigger.data.list.map(i, trigger.data.text)",
      "not-supported: inside map() only i can be used",
    ],
    [
      "a function of another name inside exists()",
      "trigger.data.list.exists(i, trigger.data.text.contains(i.sku))",
      "not-supported: inside exists() only i can be used, except to compare with it (== != < <= > >=)",
    ],
    [
      "a macro's variable that hides a root",
      "trigger.data.list.map(trigger, trigger.data)",
      "not-supported: trigger cannot be the variable of map(): choose another name",
    ],
    [
      "a duration that the sender writes",
      "duration(trigger.data.text)",
      "not-supported: duration() takes a text in quotes of up to 32 characters",
    ],
    [
      "a backward search for what the sender writes",
      "trigger.data.text.lastIndexOf(trigger.data.text)",
      "not-supported: lastIndexOf() takes a text in quotes of up to 64 characters",
    ],
    [
      "a key that cel-js drops",
      '{"constructor":1}',
      "not-supported: a computed map cannot have the key constructor",
    ],
    [
      "a key that the data choose",
      "{trigger.data.text:1}",
      "not-supported: a key of a map must be a text in quotes",
    ],
    [
      "the names of JavaScript",
      "globalThis",
      "unknown-root: globalThis is not a value that an expression can use; there are trigger, nodes and execution",
    ],
  ])("for %s", (_claim, source, refusal) => {
    expect(refusalOf(source)).toBe(refusal);
  });

  test("with the field and the range of what is wrong", () => {
    const compiled = compileExpression("1 + payload.a", ROOTS, {
      field: "nodes[1].body.got",
      offset: 10,
    });
    expect(compiled).toMatchObject({
      ok: false,
      problems: [{ field: "nodes[1].body.got", range: { start: 14, end: 23 } }],
    });
  });
});

test("the same data give the same result, twenty times", () => {
  const source = "trigger.data.list.filter(i, i.qty > 2).map(i, i.sku)";
  const compiled = compileExpression(source, ROOTS, { field: "value", offset: 0 });
  if (!compiled.ok) throw new Error(source);
  const results = Array.from({ length: 20 }, () => compiled.value.evaluate(executionOf(), 1_000));
  expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
});
