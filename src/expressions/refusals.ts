// What is refused when an expression is saved, because a sender's data could make it take unbounded time or
// memory, or because its result is no JSON. docs/expressions.md, "What is refused", has it for users.
import type { ASTNode } from "@marcbachmann/cel-js";
import { MAX_LITERAL_DEPTH, MAX_MACROS } from "./limits.ts";
import { plainPath } from "./path.ts";
import { childrenOf, macroOf, type Macro } from "./syntax-tree.ts";

export interface Refusal {
  message: string;
  node: ASTNode;
}

const REFUSED_CALLS: ReadonlyMap<string, string> = new Map([
  // A JavaScript regular expression: 29 characters can take seconds.
  ["matches", "matches() is not supported: a regular expression may take unbounded time"],
  // Each cel.bind can double a text.
  ["bind", "cel.bind() is not supported: a chain of them doubles a text without end"],
  ["bytes", "bytes() is not supported: bytes are no JSON"],
  ["type", "type() is not supported: a type is no JSON"],
]);

/** Arguments that the sender may not choose, and how long they may be. */
const SLOW_ARGUMENTS: ReadonlyMap<string, number> = new Map([
  // cel-js reads it by a pattern that takes cubic time in the number of digits.
  ["duration", 32],
  // JavaScriptCore searches backwards in the product of both lengths: 240 kB, 2.6 s.
  ["lastIndexOf", 64],
]);
/** cel-js leaves these keys out of a map that an expression writes down. */
const LOST_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="]);

/** Returns the first thing that is refused in the tree, or null. `roots` may not be a macro's variable. */
export function findRefusal(tree: ASTNode, roots: readonly string[]): Refusal | null {
  let macros = 0;
  const walk = (node: ASTNode, outer: Macro | null, aroundIt: number): Refusal | null => {
    const depth = aroundIt + (makesNestedType(node) ? 1 : 0);
    if (depth > MAX_LITERAL_DEPTH) {
      return { node, message: `lists and maps inside each other, at most ${MAX_LITERAL_DEPTH}` };
    }
    const macro = macroOf(node);
    if (macro !== null && ++macros > MAX_MACROS) {
      return {
        node,
        message: `at most ${MAX_MACROS} macros (map, filter, all, exists, exists_one)`,
      };
    }
    const refusal = refuseNode(node) ?? (macro && refuseMacro(node, macro, outer, roots));
    if (refusal !== null) return refusal;
    for (const child of childrenOf(node)) {
      // What a macro walks over is not inside of it.
      const inner = macro === null || child === macro.receiver ? outer : macro;
      const found = walk(child, inner, depth);
      if (found !== null) return found;
    }
    return null;
  };
  return walk(tree, null, 0);
}

function makesNestedType(node: ASTNode): boolean {
  if (node.op === "list" || node.op === "map") return true;
  return macroOf(node) !== null || (node.op === "rcall" && node.args[0] === "of");
}

function refuseNode(node: ASTNode): Refusal | null {
  if (node.op === "call" || node.op === "rcall") {
    const [name] = node.args;
    const message = REFUSED_CALLS.get(name);
    if (message !== undefined) return { node, message };
    const slow = SLOW_ARGUMENTS.get(name);
    if (slow !== undefined) return refuseArgument(node, name, slow);
  }
  if (node.op === "value" && node.args instanceof Uint8Array) {
    return { node, message: "bytes are not supported: they are no JSON" };
  }
  if (node.op === "map") return refuseKeys(node);
  return null;
}

function refuseArgument(
  node: ASTNode & { op: "call" | "rcall" },
  name: string,
  max: number,
): Refusal | null {
  const argument = (node.op === "call" ? node.args[1] : node.args[2])[0];
  const isShort =
    argument?.op === "value" && typeof argument.args === "string" && argument.args.length <= max;
  if (isShort) return null;
  return { node, message: `${name}() takes a text in quotes of up to ${max} characters` };
}

function refuseKeys(node: ASTNode & { op: "map" }): Refusal | null {
  for (const [key] of node.args) {
    if (key.op !== "value" || typeof key.args !== "string") {
      return { node: key, message: "a key of a map must be a text in quotes" };
    }
    if (LOST_KEYS.has(key.args)) {
      return { node: key, message: `a computed map cannot have the key ${key.args}` };
    }
  }
  return null;
}

function refuseMacro(
  node: ASTNode,
  { name, variable, body }: Macro,
  outer: Macro | null,
  roots: readonly string[],
): Refusal | null {
  if (outer !== null) {
    return { node, message: `${name}() inside ${outer.name}() is not supported` };
  }
  if (variable === null) return { node, message: `${name}() begins with the name of its variable` };
  if (roots.includes(variable) || variable === "optional") {
    return {
      node,
      message: `${variable} cannot be the variable of ${name}(): choose another name`,
    };
  }
  // Neither time nor result may grow with the product of two things that the sender chose.
  for (const [at, part] of body.entries()) {
    const isPredicate = name !== "map" || at < body.length - 1;
    const other = findOutsideName(part, variable, isPredicate);
    if (other !== null) {
      const exception = isPredicate ? ", except to compare with it (== != < <= > >=)" : "";
      return {
        node: other.node,
        message: `inside ${name}() only ${variable} can be used${exception}`,
      };
    }
  }
  return null;
}

/** Finds a name that is not the macro's variable. To compare with a value costs no more than the element. */
function findOutsideName(node: ASTNode, own: string, mayCompare: boolean): Refusal | null {
  // Refused by itself, with a better reason.
  if (macroOf(node) !== null) return null;
  if (node.op === "id") return node.args === own ? null : { node, message: node.args };
  for (const child of childrenOf(node)) {
    if (mayCompare && COMPARISONS.has(node.op) && plainPath(child) !== null) continue;
    const found = findOutsideName(child, own, mayCompare);
    if (found !== null) return found;
  }
  return null;
}
