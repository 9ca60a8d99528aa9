// The data that expressions run over: one JSON text per root, its values made once and only where needed.
import { isDeeperThan } from "../wire/json-path.ts";
import type { Budget } from "./budget.ts";
import { MAX_DATA_DEPTH } from "./limits.ts";
import type { JsonText } from "./problem.ts";
import { readValues } from "./read-values.ts";
import type { Root } from "./roots.ts";

/** Returns the text of a root, or undefined where it does not exist (a node without an error). */
export type RootText = (root: Root) => JsonText | undefined;

/** All expressions over the same data share one scope: each text is parsed once at most. */
export class Scope {
  readonly #textOf: RootText;
  readonly #values = new Map<string, unknown>();
  readonly #tooDeep = new Set<string>();

  /**
   * Every text must have passed JSON.parse. With `budget`, its evaluations share the steps that they may take;
   * without one, each may take as many as the first.
   */
  constructor(
    textOf: RootText,
    readonly budget: Budget | null = null,
  ) {
    this.#textOf = textOf;
  }

  text(root: Root): JsonText | undefined {
    return this.#textOf(root);
  }

  /**
   * Returns the values of these roots as cel-js reads them, or the root whose data is nested too deeply for
   * code that recurses over it.
   */
  values(roots: readonly Root[]): { ok: true; values: CelValues } | { ok: false; tooDeep: Root } {
    const values: CelValues = {};
    for (const root of roots) {
      const [parent, key] = parentOf(values, root);
      const text = this.#textOf(root);
      if (text === undefined) continue;
      const name = root.join("\n");
      if (!this.#values.has(name)) {
        if (this.#tooDeep.has(name) || isDeeperThan(text, MAX_DATA_DEPTH)) {
          this.#tooDeep.add(name);
          return { ok: false, tooDeep: root };
        }
        this.#values.set(name, readValues(text));
      }
      parent.set(key, this.#values.get(name));
    }
    return { ok: true, values };
  }
}

/** Maps, and no objects: a node may be called `constructor`. */
export type CelValues = Record<string, Map<string, unknown>>;

/** The name of the root `trigger.data._query` for cel-js: a body that is no object has no members. */
export const QUERY_ALIAS = "_query";

/** Returns the map that the root's value belongs in, and its key there. A map is made where there is none. */
function parentOf(values: CelValues, root: Root): [Map<string, unknown>, string] {
  const [name = "", second = "", third] = root;
  const first = (values[name] ??= new Map<string, unknown>());
  if (third === undefined) return [first, second];
  if (name !== "nodes") return [first, QUERY_ALIAS];
  const node =
    (first.get(second) as Map<string, unknown> | undefined) ?? new Map<string, unknown>();
  first.set(second, node);
  return [node, third];
}
