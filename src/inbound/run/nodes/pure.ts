// The nodes `set` and `if`: they compute, and have no effect. So they may run again with the same result.
import type { Scope } from "../../../expressions/scope.ts";
import type { CompiledNode } from "../../compile.ts";
import { expressionFailure, type NodeContext, type NodeOutcome } from "./outcome.ts";

export type PureNode = Extract<CompiledNode, { type: "set" | "if" }>;

export const PASSED = '{"passed":true}';
export const NOT_PASSED = '{"passed":false}';

export function isPure(node: CompiledNode): node is PureNode {
  return node.type === "set" || node.type === "if";
}

export function runPure(node: PureNode, scope: Scope, context: NodeContext): NodeOutcome {
  if (node.type === "if") {
    const answer = node.condition.evaluate(scope);
    if (!answer.ok) return expressionFailure(answer.problem);
    return { kind: "finished", json: answer.isTrue ? PASSED : NOT_PASSED };
  }
  const result = node.value.render(scope, context.maxOutputBytes);
  if (!result.ok) return expressionFailure(result.problem);
  return { kind: "finished", json: result.json };
}
