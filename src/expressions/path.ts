// Plain paths: names, ["key"] and [0]. Their values are cut out of the JSON text.
import type { ASTNode } from "@marcbachmann/cel-js";
import type { JsonPath } from "../wire/json-path.ts";

/** Returns the keys of `a.b["c"][0]`, or null if the node is anything else. */
export function plainPath(node: ASTNode): JsonPath | null {
  return pathOf(node, false);
}

/** Returns the keys that the node names, the optional ones (`.?b`, `[?"c"]`) too, or null. */
export function namedPath(node: ASTNode): JsonPath | null {
  return pathOf(node, true);
}

function pathOf(node: ASTNode, isOptionalAllowed: boolean): JsonPath | null {
  const keys: (string | number)[] = [];
  let at = node;
  while (at.op !== "id") {
    if (at.op === "." || (isOptionalAllowed && at.op === ".?")) {
      keys.unshift(at.args[1]);
    } else if (at.op === "[]" || (isOptionalAllowed && at.op === "[?]")) {
      const [, key] = at.args;
      if (key.op !== "value") return null;
      const literal = key.args;
      if (typeof literal === "string") keys.unshift(literal);
      else if (typeof literal === "bigint") keys.unshift(Number(literal));
      else return null;
    } else {
      return null;
    }
    at = at.args[0];
  }
  return [at.args, ...keys];
}

/** Writes a path as an author would: `trigger.data["a-b"][0]`. */
export function writePath(path: JsonPath): string {
  return path
    .map((key, at) => {
      if (typeof key === "number") return `[${key}]`;
      if (!/^[A-Za-z_]\w*$/.test(key)) return `[${JSON.stringify(key)}]`;
      return at === 0 ? key : `.${key}`;
    })
    .join("");
}
