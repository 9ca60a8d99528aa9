import { describe, expect, test } from "bun:test";
import { compileCondition } from "../../src/expressions/condition.ts";
import { executionOf, ROOTS, shown } from "./support.ts";

function decide(condition: string): boolean | string {
  const compiled = compileCondition(condition, "condition", ROOTS);
  if (!compiled.ok) return compiled.problems.map(shown).join("; ");
  const answer = compiled.value.evaluate(executionOf());
  return answer.ok ? answer.isTrue : shown(answer.problem);
}

describe("a condition", () => {
  test.each<[claim: string, condition: string, answer: boolean | string]>([
    ["is a CEL expression", "trigger.data.n > 5", true],
    ["may have braces around it", "{{ trigger.data.n > 9 }}", false],
    ["may be a plain path", "trigger.data.yes", true],
    [
      "fails where a path gives something else",
      "trigger.data.text",
      'not-boolean: condition is "abc", not true or false',
    ],
    [
      "fails where a path gives nothing",
      "trigger.data.none",
      "not-boolean: condition is null, not true or false",
    ],
    [
      "fails where a path gives an object",
      "trigger.data.object",
      "not-boolean: condition is an object, not true or false",
    ],
    [
      "fails where a computation gives something else",
      "trigger.data.n + 1",
      "not-boolean: condition is 8, not true or false",
    ],
    [
      "is refused where it can never be true or false",
      "size(trigger.data.text)",
      "wrong-type: it gives a value of type int, and must give true or false",
    ],
    [
      "fails at an unknown path",
      "trigger.data.nope == 1",
      "unknown-path: trigger.data.nope does not exist",
    ],
    [
      "fails at a large value",
      `"${"x".repeat(900)}" + trigger.data.text + "${"y".repeat(50)}" == ""`,
      false,
    ],
  ])("%s", (_claim, condition, answer) => {
    expect(decide(condition)).toBe(answer);
  });

  test("is refused where it is two expressions", () => {
    expect(decide("{{true}} && {{true}}")).toStartWith("syntax: ");
  });

  test("fails, and quotes nothing, where a path gives a large value", () => {
    const compiled = compileCondition("trigger.data.x", "condition", ROOTS);
    if (!compiled.ok) throw new Error("not compiled");
    const scope = executionOf({ body: `{"x":"${"y".repeat(5_000)}"}` });
    expect(compiled.value.evaluate(scope)).toMatchObject({
      ok: false,
      problem: { message: "condition is a large value, not true or false" },
    });
  });
});
