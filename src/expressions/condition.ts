// One expression that must give true or false: the condition of an `if` node, and a webhook's filter.
import { excerpt } from "../wire/excerpt.ts";
import { withoutBraces } from "./braces.ts";
import { compileExpression } from "./expression.ts";
import { fail, refuse, type Compiled, type Problem } from "./problem.ts";
import type { Roots } from "./roots.ts";
import type { Scope } from "./scope.ts";

export type Answer = { ok: true; isTrue: boolean } | { ok: false; problem: Problem };

export interface Condition {
  evaluate(scope: Scope): Answer;
}

/** More than this is no condition, whatever it says. */
const MAX_RESULT_BYTES = 1_024;

/** Compiles a condition, with or without `{{ }}` around it. */
export function compileCondition(text: string, field: string, roots: Roots): Compiled<Condition> {
  const { source, offset } = withoutBraces(text);
  const compiled = compileExpression(source, roots, { field, offset });
  if (!compiled.ok) return compiled;
  const { value: expression } = compiled;
  if (expression.type !== "bool" && !expression.type.startsWith("dyn")) {
    const message = `it gives a value of type ${expression.type}, and must give true or false`;
    return refuse({ code: "wrong-type", message, field });
  }
  return {
    ok: true,
    value: {
      evaluate(scope) {
        const result = expression.evaluate(scope, MAX_RESULT_BYTES);
        if (!result.ok && result.problem.code !== "too-large") return result;
        if (result.ok && (result.json === "true" || result.json === "false")) {
          return { ok: true, isTrue: result.json === "true" };
        }
        const found = result.ok ? excerpt(JSON.parse(result.json)) : "a large value";
        const message = `${field} is ${found}, not true or false`;
        return fail({ code: "not-boolean", message, field });
      },
    },
  };
}
