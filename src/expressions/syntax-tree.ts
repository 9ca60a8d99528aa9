// The syntax tree of an expression, as the rules walk over it.
import type { ASTNode } from "@marcbachmann/cel-js";

/** Returns the nodes below a node. The variable of a macro is one of them, as an `id`. */
export function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case "value":
    case "id":
      return [];
    case ".":
    case ".?":
      return [node.args[0]];
    case "call":
      return node.args[1];
    case "rcall":
      return [node.args[1], ...node.args[2]];
    case "map":
      return node.args.flat();
    case "!_":
    case "-_":
      return [node.args];
    default:
      return node.args;
  }
}

const MACROS: ReadonlySet<string> = new Set(["map", "filter", "all", "exists", "exists_one"]);

export interface Macro {
  name: string;
  receiver: ASTNode;
  /** The name of its variable; null where the author wrote something else there. */
  variable: string | null;
  body: readonly ASTNode[];
}

/** Returns what a macro that walks over a list is made of, or null for any other node. */
export function macroOf(node: ASTNode): Macro | null {
  if (node.op !== "rcall") return null;
  const [name, receiver, [first, ...body]] = node.args;
  if (!MACROS.has(name)) return null;
  return { name, receiver, variable: first?.op === "id" ? first.args : null, body };
}

/** Returns the node's source. */
export function sourceOf(node: ASTNode): string {
  return node.input.slice(node.start, node.end);
}
