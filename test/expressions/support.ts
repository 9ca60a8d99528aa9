// One execution for the tests of expressions: its texts, and short ways to compile and evaluate.
import { compileExpression } from "../../src/expressions/expression.ts";
import type { Problem } from "../../src/expressions/problem.ts";
import { workflowRoots } from "../../src/expressions/roots.ts";
import { workflowScope, type ExecutionTexts } from "../../src/expressions/workflow-scope.ts";

export const MAX_BYTES = 262_144;

/** `first` and `two-words` have ended, `later` has not. */
export const ROOTS = workflowRoots({
  all: new Set(["first", "two-words", "failed", "later"]),
  before: new Set(["first", "two-words", "failed"]),
});

export const BODY =
  '{"id": 12345678901234567890, "price": 1.10, "n": 7, "zero": 0, "text": "a\\u0062c", "none": null, ' +
  '"yes": true, "object": { "x":1.0 }, "list": [{"sku":"A","qty":2},{"sku":"B","qty":5}], ' +
  '"twice": 1, "twice": 2, "constructor": "Ferrari", "__proto__": {"own":1}, "when":"2026-01-02T03:04:05Z"}';

export function executionOf(texts: Partial<ExecutionTexts> = {}) {
  return workflowScope({
    body: BODY,
    query: '{"source":"crm"}',
    headers: '{"x-a":"1"}',
    executionId: "exec-1",
    nodes: new Map([
      ["first", { output: '{"total":1.50,"next":"{{trigger.data.n}}"}' }],
      ["two-words", { output: "3" }],
      ["failed", { error: '{"code":"timeout"}' }],
    ]),
    ...texts,
  });
}

/** Returns the JSON text that an expression gives, or `code: message`. */
export function evaluate(source: string, scope = executionOf(), maxBytes = MAX_BYTES): string {
  const compiled = compileExpression(source, ROOTS, { field: "value", offset: 0 });
  if (!compiled.ok) return compiled.problems.map(shown).join("; ");
  const result = compiled.value.evaluate(scope, maxBytes);
  return result.ok ? result.json : shown(result.problem);
}

/** Returns what is wrong with an expression at saving, as `code: message`, or null. */
export function refusalOf(source: string): string | null {
  const compiled = compileExpression(source, ROOTS, { field: "value", offset: 0 });
  return compiled.ok ? null : compiled.problems.map(shown).join("; ");
}

export function shown({ code, message }: Problem): string {
  return `${code}: ${message}`;
}
