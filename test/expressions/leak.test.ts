// cel-js keeps types and names for as long as the process lives. Neither a sender nor an author may add to them
// without end.
import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { seededRandom } from "../wire/seeded-random.ts";
import { evaluate, executionOf, refusalOf } from "./support.ts";

function heapMb(): number {
  Bun.gc(true);
  return heapStats().heapSize / 2 ** 20;
}

/** Each call another way to nest lists and maps. */
function nestedText(random: () => number, depth: number): string {
  let [open, close] = ["", ""];
  for (let level = 0; level < depth; level++) {
    const isList = random() < 0.5;
    open += isList ? "[" : '{"a":';
    close = (isList ? "]" : "}") + close;
  }
  return `${open}1${close}`;
}

test("data nested in 2,000 different ways leave nothing behind", () => {
  const random = seededRandom(3);
  const run = (count: number) => {
    for (let round = 0; round < count; round++) {
      const scope = executionOf({ body: `{"x":${nestedText(random, 60)}}`, query: null });
      expect(evaluate("size(trigger.data.x)", scope)).toBe("1");
    }
  };
  run(100);
  const before = heapMb();
  run(2_000);
  // With a type for each it is more than 100.
  expect(heapMb() - before).toBeLessThan(20);
});

test("an unknown function is refused before cel-js keeps its name", () => {
  expect(refusalOf("nope(1)")).toBe("unknown-function: there is no function nope()");
  expect(refusalOf("trigger.data.x.nope (1)")).toBe(
    "unknown-function: there is no function nope()",
  );
  expect(evaluate(`"nope(1)" + 'it\\'s(1)' + """a"b(1)"""`)).toBe(
    String.raw`"nope(1)it's(1)a\"b(1)"`,
  );
  expect(evaluate("1 in (trigger.data.list)")).toBe("false");
});

test("lists and maps that an expression writes down are nested at most 4 deep", () => {
  expect(evaluate("[[{'a':[1]}]]")).toBe('[[{"a":[1]}]]');
  expect(refusalOf("[[[[[1]]]]]")).toBe(
    "not-supported: lists and maps inside each other, at most 4",
  );
});
