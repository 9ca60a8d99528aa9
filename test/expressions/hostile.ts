// Random and hostile expressions, and bodies up to the limit that a sender could choose for them. The fuzz
// test runs a few thousand; bench/expressions/fuzz.ts runs them all.
import { compileExpression, type Expression } from "../../src/expressions/expression.ts";
import type { Scope } from "../../src/expressions/scope.ts";
import { workflowRoots } from "../../src/expressions/roots.ts";
import { workflowScope } from "../../src/expressions/workflow-scope.ts";

export const MAX_OUTPUT_BYTES = 262_144;
export const MAX_BODY_BYTES = 1_048_576;
export const roots = workflowRoots({ all: new Set(["a"]), before: new Set(["a"]) });

const ATOMS = [
  "trigger",
  "trigger.data",
  "trigger.data.a",
  "trigger.data.b",
  "trigger.data.c",
  "trigger.data.d",
  "trigger.data.big",
  "trigger.data.list",
  "trigger.data.other",
  "trigger.data.text",
  "trigger.data._query",
  'trigger.headers["x"]',
  "nodes",
  "nodes.a.output",
  "execution.id",
  "1",
  "2.5",
  "9223372036854775807",
  "'s'",
  "''",
  "true",
  "null",
  "[1,2]",
  "{'k':1}",
  "__proto__",
  "constructor",
  "x",
  "i",
  "this",
  "globalThis",
  "trigger.constructor",
  "trigger.__proto__",
  "trigger.data['constructor']",
  "trigger.data['__proto__']",
  "trigger.data.d.constructor",
  "trigger.data.d.__proto__",
  "'s'.constructor",
  "[].constructor",
  "b'x'",
  "type(1)",
  "dyn(1)",
  "optional.none()",
  "timestamp('2024-01-01T00:00:00Z')",
  "duration('1h')",
];
const BINARY = ["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||", "in"];
const SUFFIXES = [
  ".x",
  "[0]",
  "[-1]",
  "['__proto__']",
  "['constructor']",
  ".?y",
  "[?0]",
  ".size()",
  ".map(i, i)",
  ".map(i, i + i)",
  ".map(i, [i, i, i])",
  ".map(i, [i].map(j, j))",
  ".map(i, i.nope == 1 || i.gone == 2 || true)",
  ".map(i, i > 1, i)",
  ".filter(i, i > 1)",
  ".filter(i, i == trigger.data.other)",
  ".filter(i, i == trigger.data.text)",
  ".exists(i, i == 2)",
  ".exists(i, i.nope == 2)",
  ".exists_one(i, i == 1)",
  ".all(i, true)",
  ".contains('s')",
  ".contains(trigger.data.text)",
  ".indexOf(trigger.data.text)",
  ".lastIndexOf(trigger.data.text)",
  ".lastIndexOf('ab')",
  ".split('')",
  ".split(trigger.data.b)",
  ".join(',')",
  ".join(trigger.data.text)",
  ".matches('(a+)+$')",
  ".orValue(1)",
  ".toString()",
  ".call()",
  ".valueOf()",
  ".lowerAscii()",
  ".trim()",
  ".substring(1)",
  ".format([1])",
  ".getHours('Europe/Berlin')",
];
const FUNCTIONS = [
  "string",
  "int",
  "double",
  "size",
  "has",
  "dyn",
  "type",
  "bool",
  "uint",
  "bytes",
  "duration",
  "timestamp",
  "eval",
  "Function",
  "require",
];

/** What half of the expressions are made of, so that more than a few are accepted. */
const ACCEPTED_ATOMS = ATOMS.filter((source) => compile(source) !== null);
const ACCEPTED_SUFFIXES = SUFFIXES.filter(
  (suffix) => compile(`dyn(trigger.data)${suffix}`) !== null,
);
const ACCEPTED_FUNCTIONS = ["string", "int", "double", "size", "dyn", "bool", "uint", "timestamp"];

/** Writes one random expression; half of them of pieces that are refused by themselves too. */
export function writeExpression(random: () => number, depth = 5): string {
  const isAnything = random() < 0.5;
  const [atoms, suffixes, functions] = isAnything
    ? [ATOMS, SUFFIXES, FUNCTIONS]
    : [ACCEPTED_ATOMS, ACCEPTED_SUFFIXES, ACCEPTED_FUNCTIONS];
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)] ?? "";
  const write = (left: number): string => {
    const kind = Math.floor(random() * 8);
    if (left <= 0 || kind < 2) return pick(atoms);
    if (kind < 4) return `${write(left - 1)} ${pick(BINARY)} ${write(left - 1)}`;
    if (kind < 6) return write(left - 1) + pick(suffixes);
    if (kind === 6) return `${pick(functions)}(${write(left - 1)})`;
    return `(${write(left - 1)} ? ${write(left - 1)} : ${write(left - 1)})`;
  };
  return write(depth);
}

/** Repeats what is linear in the data as often as 1,000 characters allow. */
function repeated(unit: string, by: string): string {
  return Array.from({ length: Math.floor(1_000 / (unit.length + by.length)) }, () => unit).join(by);
}

/** Expressions that were written to be slow, each refused when it is saved, or bounded when it runs. */
export const SLOW_EXPRESSIONS: readonly string[] = [
  repeated("trigger.data.list", "+"),
  repeated("trigger.data.text", "+"),
  `size(${repeated("trigger.data.text", "+").slice(0, 900)})`,
  repeated("size(trigger.data.text)", "+"),
  repeated("size(trigger.data)", "+"),
  repeated("(1 in trigger.data.list)", "||"),
  repeated("('zz' in trigger.data.list)", "||"),
  repeated("(trigger.data.list==trigger.data.other)", "||"),
  repeated("(trigger.data==nodes.a.output)", "||"),
  repeated("trigger.data.text.lowerAscii()", "=="),
  repeated("trigger.data.text.split('')", "=="),
  repeated("trigger.data.text.split('b').join('ab')", "=="),
  repeated("double(trigger.data.text)", "+"),
  repeated("trigger.data.text.contains(trigger.data.needle)", "||"),
  repeated("trigger.data.text.indexOf(trigger.data.needle)", "+"),
  "trigger.data.text.lastIndexOf(trigger.data.needle)",
  repeated(
    "trigger.data.text.lastIndexOf('ababababababababababababababababababababababababba')",
    "+",
  ),
  "duration(trigger.data.text)",
  "timestamp(trigger.data.text)",
  `trigger.data.list.map(i, ${repeated("i", "+").slice(0, 399)})`,
  `trigger.data.list.map(i, i.map(j, j))`,
  `trigger.data.list.map(i, [${repeated("i", ",").slice(0, 127)}])`,
  `trigger.data.list.map(i, "${"x".repeat(900)}")`,
  `trigger.data.list.exists(i, ${repeated("i.nope==1", "||").slice(0, 899)})`,
  `trigger.data.list.all(i, i.nope==1)`,
  `trigger.data.list.filter(i, i.nope==1||i.gone==1||true).map(i, i.?nope.orValue(1))`,
  "trigger.data.list.exists(i, i == trigger.data.other)",
  "trigger.data.list.exists(i, i == trigger.data.list)",
  "trigger.data.list.exists(i, trigger.data.text.contains(i))",
  "trigger.data.list.map(i, timestamp('2024-01-01T00:00:00Z').getHours('Europe/Berlin'))",
  "trigger.data.list.map(i, i).map(i, i)",
  "trigger.data.list.map(i, i + i).map(i, i + i)",
  "trigger.data.list.map(i, string(i)).join(trigger.data.text)",
  "(trigger.data.list + trigger.data.list).exists(i, false)",
  "trigger.data.map(k, k)",
  "[trigger.data, trigger.data, trigger.data, trigger.data]",
  "[trigger.data.big]",
];

/** One body: its text, and which part of it is as large as the limit allows. */
export interface Body {
  name: string;
  text: string;
}

/** Bodies as a sender could write them, the large ones up to the limit. */
export function hostileBodies(): Body[] {
  const small =
    '"a":1,"b":"x","c":[1,2,3],"d":{"e":null,"constructor":"k","__proto__":{"z":1}},"big":12345678901234567890';
  const body = (name: string, members: string): Body => ({ name, text: `{${small},${members}}` });
  const fill = (unit: string) => unit.repeat(Math.floor((MAX_BODY_BYTES - 600) / unit.length));
  const list = (element: string, count = Infinity) => {
    const most = Math.floor((MAX_BODY_BYTES - 600) / (element.length + 1));
    return `[${Array.from({ length: Math.min(most, count) }, () => element).join(",")}]`;
  };
  const half = fill("ab").slice(0, MAX_BODY_BYTES / 2);
  return [
    body("small", '"list":[1,2,3],"other":[1,2],"text":"abab","needle":"ba"'),
    body("numbers", `"text":"x","list":${list("1")}`),
    body("20,000 objects", `"text":"x","list":${list('{"a":1,"b":"some text of a row"}', 20_000)}`),
    body("objects", `"text":"x","list":${list('{"a":1,"b":"x"}')}`),
    body("empty objects", `"text":"x","list":${list("{}")}`),
    body("big integers", `"text":"x","list":${list("12345678901234567890")}`),
    body("long integers", `"text":"x","list":${list("9".repeat(990))}`),
    body("constructors", `"text":"x","list":${list('{"constructor":1}')}`),
    body("equal lists", `"text":"x","list":${list("1", 250_000)},"other":${list("1", 250_000)}`),
    body(
      "two lists of lists",
      `"text":"x","list":${list("[1]", 120_000)},"other":${list("[1]", 120_000)}`,
    ),
    body("text", `"list":[],"text":"${fill("ab")}"`),
    body(
      "text and needle",
      `"list":[],"text":"${half}","needle":"${half.slice(0, half.length / 2)}ba"`,
    ),
    body("wide text", `"list":[],"text":"${fill("łń").slice(0, MAX_BODY_BYTES / 2)}","needle":"ń"`),
    body("digits", `"list":[],"text":"${fill("1")}"`),
    body("one long integer", `"list":[],"text":"1","big":${fill("7")}`),
    body("20,000 texts", `"list":${list('"ab"', 20_000)},"text":"${half}","needle":"ba"`),
    body("members", `"list":[],"text":"x",${manyMembers(95_000)}`),
    body("deep", `"text":"x","list":${"[".repeat(60)}${list("1")}${"]".repeat(60)}`),
    body("escapes", `"list":[],"text":"${String.raw`\u0061`.repeat(170_000)}"`),
  ];
}

function manyMembers(count: number): string {
  return Array.from({ length: count }, (_, at) => `"k${at.toString(36)}":1`).join(",");
}

const LARGE_OUTPUT = `[${"1,".repeat(131_000)}1]`;

/** A scope that has parsed nothing yet. */
export function scopeOf({ text }: Body): Scope {
  return workflowScope({
    body: text,
    query: '{"source":"crm"}',
    headers: '{"x":"y"}',
    executionId: "exec-1",
    nodes: new Map([["a", { output: text.length <= MAX_OUTPUT_BYTES ? text : LARGE_OUTPUT }]]),
  });
}

export function compile(source: string): Expression | null {
  const compiled = compileExpression(source, roots, { field: "value", offset: 0 });
  return compiled.ok ? compiled.value : null;
}

/** CPU of this process, which other processes on the machine do not add to. */
export function cpuMs(run: () => unknown): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** What no expression may change. */
export function prototypes(): string {
  return [Object.prototype, Array.prototype, String.prototype, Map.prototype, Function.prototype]
    .map((prototype) => Object.getOwnPropertyNames(prototype).join())
    .join(";");
}
