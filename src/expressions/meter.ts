// Counts the work of one evaluation and ends it when it is too much. The rules of refusals.ts keep an
// expression linear in its data; this keeps 1,000 characters over a large body below 50 ms of CPU.
import type { ASTNode } from "@marcbachmann/cel-js";
import { EvaluationError } from "./cel.ts";
import { innerNode, type Evaluate } from "./inside-cel.ts";
import { MAX_MACRO_ELEMENTS } from "./limits.ts";
import { childrenOf, macroOf, sourceOf } from "./syntax-tree.ts";

export interface Overload {
  code: "too-many-elements" | "too-much-work";
  message: string;
}

/** An error that `||`, `exists` or `.?` swallows: making it costs as much as this many steps. */
const ERROR_STEPS = 40;
/** Functions that cost more than a step by themselves: a time zone is looked up each time. */
const TIME_ZONE_STEPS = 1_000;
export const CHARACTERS_PER_STEP = 128;
/** They look at each character by itself; the other functions search or copy in native code. */
const SLOW_READERS: ReadonlySet<string> = new Set(["size", "double", "split", "lastIndexOf"]);
const SLOW_CHARACTERS_PER_STEP = 6;
const ELEMENTS_PER_STEP = 2;
export const TOO_MUCH_WORK = "it takes too much work on this data";

/** Thrown when there is too much work. `||` and `exists` may swallow it, so `overload` is what counts. */
const STOP = new EvaluationError("too much work");

/** Evaluation is synchronous, so one meter serves all: `begin` starts a new count. */
export class Meter {
  #max = 0;
  #left = 0;
  #lastError: unknown;
  overload: Overload | null = null;

  /** Since `begin`. */
  get used(): number {
    return this.#max - this.#left;
  }

  begin(maxSteps: number): void {
    this.#max = maxSteps;
    this.#left = maxSteps;
    this.#lastError = undefined;
    this.overload = null;
  }

  /** Makes every node of a tree that has not been evaluated yet count its work. */
  attach(tree: ASTNode): void {
    this.#attach(tree, null);
  }

  #attach(node: ASTNode, parent: ASTNode | null): void {
    const macro = macroOf(node);
    for (const child of childrenOf(node)) {
      const isVariable = macro !== null && child === childrenOf(node)[1];
      if (!isVariable) this.#attach(child, node);
    }
    if (node.op !== "value") this.#wrap(node, parent);
  }

  #wrap(node: ASTNode, parent: ASTNode | null): void {
    const charge = this.#chargeFor(node, parent);
    const inner = innerNode(node);
    const { macro, alternate } = inner.meta;
    if (macro !== undefined) {
      macro.evaluate = this.#metered(macro.evaluate.bind(macro), charge);
      return;
    }
    const target = alternate ?? inner;
    target.setMeta("evaluate", this.#metered(target.meta.evaluate, charge));
  }

  #metered(evaluate: Evaluate, charge: ((value: unknown) => void) | null): Evaluate {
    return (evaluator, node, context) => {
      if (--this.#left < 0) this.#stop("too-much-work", TOO_MUCH_WORK);
      let value: unknown;
      try {
        value = evaluate(evaluator, node, context);
      } catch (error) {
        // The same error passes every node above: it is charged once.
        if (error !== this.#lastError) this.#left -= ERROR_STEPS;
        this.#lastError = error;
        throw error;
      }
      if (charge !== null) charge(value);
      return value;
    };
  }

  /** What the value of a node costs besides the step, by who made it and who will read it. */
  #chargeFor(node: ASTNode, parent: ASTNode | null): ((value: unknown) => void) | null {
    const macro = parent === null ? null : macroOf(parent);
    if (parent !== null && macro?.receiver === node) {
      const source = sourceOf(node);
      return (value) => this.#checkElements(value, `${source}: ${macro.name}()`);
    }
    const isZoned =
      node.op === "rcall" && node.args[0].startsWith("get") && node.args[2].length > 0;
    if (isZoned) return () => this.#charge(TIME_ZONE_STEPS);
    if (parent !== null && comparesDeeply(parent)) {
      return (value) => this.#charge(deepSteps(value, this.#left));
    }
    if (parent?.op === "in") {
      // A map is asked for one key, a list is walked over.
      return (value) => this.#charge(Array.isArray(value) ? deepSteps(value, this.#left) : 0);
    }
    if (isCall(parent) && SLOW_READERS.has(parent.args[0])) {
      return (value) => this.#charge(steps(value, SLOW_CHARACTERS_PER_STEP));
    }
    const isMade = isCall(node) || node.op === "+";
    if (isMade || (parent !== null && readsOnce(parent))) {
      return (value) => this.#charge(steps(value, CHARACTERS_PER_STEP));
    }
    return null;
  }

  #checkElements(value: unknown, what: string): void {
    const count = countElements(value);
    if (count > MAX_MACRO_ELEMENTS) {
      this.#stop(
        "too-many-elements",
        `${what} takes at most ${MAX_MACRO_ELEMENTS} elements, and there are ${count}`,
      );
    }
  }

  #charge(amount: number): void {
    this.#left -= amount;
    if (this.#left < 0) this.#stop("too-much-work", TOO_MUCH_WORK);
  }

  #stop(code: Overload["code"], message: string): never {
    this.overload ??= { code, message };
    this.#left = -1;
    throw STOP;
  }
}

type Call = ASTNode & { op: "call" | "rcall" };

function isCall(node: ASTNode | null): node is Call {
  return node?.op === "call" || node?.op === "rcall";
}

const READERS: ReadonlySet<string> = new Set(["+", "<", "<=", ">", ">="]);

/** Whether the operator may walk over all of a nested value. With a literal it does not: `data.list != null`. */
function comparesDeeply({ op, args }: ASTNode): boolean {
  if (op !== "==" && op !== "!=") return false;
  return !(args as readonly ASTNode[]).some((operand) => operand.op === "value");
}

/** Whether the operator or function may walk over a text or a list once. */
function readsOnce(node: ASTNode): boolean {
  return isCall(node) || READERS.has(node.op);
}

function steps(value: unknown, charactersPerStep: number): number {
  if (typeof value === "string") return value.length / charactersPerStep;
  if (typeof value !== "object" || value === null) return 0;
  // Its keys are listed by size(), and to learn its type: a step for each.
  return Array.isArray(value) ? value.length / ELEMENTS_PER_STEP : countElements(value);
}

/** The steps of all that is in the value; stops counting past `max`. */
function deepSteps(value: unknown, max: number): number {
  if (typeof value !== "object" || value === null) return steps(value, CHARACTERS_PER_STEP);
  let total = 1;
  if (Array.isArray(value)) {
    // By index: an iterator over 500,000 numbers takes longer than to compare them.
    for (let at = 0; at < value.length && total <= max; at++) {
      total += elementSteps(value[at], max - total);
    }
  } else if (value instanceof Map) {
    for (const element of value.values()) {
      total += elementSteps(element, max - total);
      if (total > max) break;
    }
  } else {
    for (const key in value) {
      total += 1 + elementSteps((value as Record<string, unknown>)[key], max - total);
      if (total > max) break;
    }
  }
  return total;
}

function elementSteps(element: unknown, max: number): number {
  if (typeof element !== "object" && typeof element !== "string") return 1 / ELEMENTS_PER_STEP;
  return 1 / ELEMENTS_PER_STEP + deepSteps(element, max);
}

function countElements(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}
