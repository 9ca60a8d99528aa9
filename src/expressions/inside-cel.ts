// What this room uses of cel-js 8.0.0 besides its public types. The library has no hook for a limit; its own
// macros replace `meta.evaluate` by `setMeta`, as is done here (lib/parser.js, class ASTNode). Tests fail where
// a later version differs: test/expressions/bounds.test.ts and leak.test.ts.
import type { ASTNode, Environment } from "@marcbachmann/cel-js";

export type Evaluate = (evaluator: unknown, node: unknown, context: unknown) => unknown;

interface InnerNode {
  readonly meta: {
    evaluate: Evaluate;
    /** What a list macro was expanded to. */
    alternate?: InnerNode;
    /** What has(), or() and orValue() were expanded to. */
    macro?: { evaluate: Evaluate };
  };
  setMeta(key: "evaluate", evaluate: Evaluate): void;
}

export function innerNode(node: ASTNode): InnerNode {
  return node as unknown as InnerNode;
}

interface Evaluator {
  debugType(value: unknown): unknown;
  debugTypeDeep(value: unknown): unknown;
}

/**
 * Makes lists and maps of the data have the types list<dyn> and map<dyn, dyn>. cel-js would make a type for
 * each way in which they are nested, and keep it for ever: a sender that varies the nesting took 80 kB of
 * memory with each request.
 */
export function keepTypesShallow(environment: Environment): void {
  const probe = environment.parse("1");
  // The evaluator is shown to nodes only.
  innerNode(probe.ast).setMeta("evaluate", (given) => {
    const evaluator = given as Evaluator;
    evaluator.debugTypeDeep = (value) => evaluator.debugType(value);
    return null;
  });
  probe();
}
