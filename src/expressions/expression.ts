// One expression: CEL, checked when it is saved, bounded when it runs (limits.ts, refusals.ts, meter.ts). A
// plain path is cut out of the JSON text; everything else is computed over values. It has no clock, no
// randomness and no I/O: the same data give the same result.
import type { ASTNode, ParseResult } from "@marcbachmann/cel-js";
import { locateValue, type JsonPath } from "../wire/json-path.ts";
import { environmentFor, EvaluationError, findUnknownFunction, ParseError } from "./cel.ts";
import { MAX_DATA_DEPTH, MAX_SOURCE_CHARACTERS, MAX_STEPS } from "./limits.ts";
import { CHARACTERS_PER_STEP, Meter, TOO_MUCH_WORK } from "./meter.ts";
import { namedPath, plainPath, writePath } from "./path.ts";
import {
  fail,
  refuse,
  type Compiled,
  type Problem,
  type ProblemCode,
  type Result,
} from "./problem.ts";
import { findRefusal } from "./refusals.ts";
import { isRootFault, type Root, type RootFault, type Roots } from "./roots.ts";
import { QUERY_ALIAS, type Scope } from "./scope.ts";
import { childrenOf, macroOf } from "./syntax-tree.ts";
import { writeJson } from "./write-json.ts";

/** Where an expression is written, for its problems. */
export interface Place {
  field: string;
  /** Where it begins in the field's text. */
  offset: number;
}

export interface Expression {
  readonly source: string;
  /** What cel-js knows of the result beforehand: `bool`, `string`, `dyn`… */
  readonly type: string;
  /** Returns the result as JSON text of at most `maxBytes`. Never throws for what the data are. */
  evaluate(scope: Scope, maxBytes: number): Result;
}

const meter = new Meter();

/** Compiles one CEL expression, without the braces around it. */
export function compileExpression(
  source: string,
  roots: Roots,
  place: Place,
): Compiled<Expression> {
  const problem = (code: ProblemCode, message: string, range?: Range): Problem => {
    const start = place.offset + (range?.start ?? 0);
    const end = place.offset + (range?.end ?? source.length);
    return { code, message, field: place.field, range: { start, end } };
  };
  if (source.length > MAX_SOURCE_CHARACTERS) {
    const message = `an expression has at most ${MAX_SOURCE_CHARACTERS} characters, and this one has ${source.length}`;
    return refuse(problem("too-long", message));
  }
  if (source.trim() === "") return refuse(problem("empty", "the expression is empty"));

  const unknown = findUnknownFunction(source, environmentFor(roots.names));
  if (unknown !== null)
    return refuse(problem("unknown-function", `there is no function ${unknown}()`));
  const parsed = parse(source, roots.names);
  if (parsed instanceof ParseError) {
    const code = parsed.code === "limit_exceeded" ? "too-complex" : "syntax";
    return refuse(problem(code, parsed.summary, parsed.range));
  }
  const refusal = findRefusal(parsed.ast, roots.names);
  if (refusal !== null) {
    return refuse(problem("not-supported", refusal.message, refusal.node.range));
  }
  const uses = findRoots(parsed.ast, roots);
  if ("code" in uses) return refuse(problem(uses.code, uses.message, uses.node.range));

  const path = plainPath(parsed.ast);
  const [root] = uses.roots;
  if (path !== null && root !== undefined) {
    return { ok: true, value: plainExpression(source, path, root, roots, problem) };
  }
  // Runs before `check`, which reads from the nodes what `attach` puts there.
  const runnable =
    uses.queries.length === 0 ? parsed : parse(renameQuery(source, uses.queries), roots.names);
  if (runnable instanceof ParseError)
    throw new Error("a renamed query is no CEL", { cause: runnable });
  meter.attach(runnable.ast);
  const { valid, type = "dyn", error } = runnable.check();
  if (!valid)
    return refuse(problem("wrong-type", error?.summary ?? "cannot be computed", error?.range));
  if (type.startsWith("optional")) {
    return refuse(problem("wrong-type", `${source} may be missing: write .orValue(…) behind it`));
  }
  return { ok: true, value: computedExpression(source, type, runnable, uses.roots, problem) };
}

interface Range {
  readonly start: number;
  readonly end: number;
}
type MakeProblem = (code: ProblemCode, message: string, range?: Range) => Problem;

function parse(source: string, names: readonly string[]): ParseResult | ParseError {
  try {
    return environmentFor(names).parse(source);
  } catch (error) {
    if (error instanceof ParseError) return error;
    throw error;
  }
}

interface Uses {
  roots: Root[];
  /** The nodes that name `trigger.data._query`. */
  queries: ASTNode[];
}

type NamedFault = RootFault & { node: ASTNode };

/** Finds the roots that the tree uses; a name that leads to none is a fault. */
function findRoots(tree: ASTNode, roots: Roots): Uses | NamedFault {
  const found = new Map<string, Root>();
  const queries: ASTNode[] = [];
  const walk = (node: ASTNode, variable: string | null): NamedFault | null => {
    const path = namedPath(node);
    if (path !== null && path[0] === variable) return null;
    if (path !== null && !(path[0] === "optional" && node.op === "id")) {
      const root = roots.find(path);
      if (isRootFault(root)) return { ...root, node };
      found.set(root.join("\n"), root);
      if (root.at(-1) === "_query") queries.push(rootNode(node, path.length - root.length));
      return null;
    }
    const macro = macroOf(node);
    for (const [at, child] of childrenOf(node).entries()) {
      if (macro !== null && at === 1) continue;
      const isInside = macro !== null && child !== macro.receiver;
      const fault = walk(child, isInside ? macro.variable : variable);
      if (fault !== null) return fault;
    }
    return null;
  };
  return walk(tree, null) ?? { roots: [...found.values()], queries };
}

/** The node of the path's root: `keys` members further in. */
function rootNode(node: ASTNode, keys: number): ASTNode {
  let at = node;
  for (let left = keys; left > 0; left--) at = childrenOf(at)[0] ?? at;
  return at;
}

/**
 * `trigger.data._query` → `trigger._query`, padded to the same length so that every range stays right: the
 * query must be reachable where the body is no object.
 */
function renameQuery(source: string, queries: readonly ASTNode[]): string {
  let renamed = source;
  for (const node of queries) {
    const isOptional = plainPath(node) === null;
    const alias = `trigger.${isOptional ? "?" : ""}${QUERY_ALIAS}`.padEnd(node.end - node.start);
    renamed = renamed.slice(0, node.start) + alias + renamed.slice(node.end);
  }
  return renamed;
}

function plainExpression(
  source: string,
  path: JsonPath,
  root: Root,
  roots: Roots,
  problem: MakeProblem,
): Expression {
  const rest = path.slice(root.length);
  const isNullable = roots.isNullable(path);
  return {
    source,
    type: "dyn",
    evaluate(scope, maxBytes) {
      const text = scope.text(root);
      if (text !== undefined && !mayRead(text, scope)) {
        return fail(problem("too-much-work", TOO_MUCH_WORK));
      }
      const { span, known } =
        text === undefined ? { span: null, known: -1 } : locateValue(text, rest);
      if (text === undefined || span === null) {
        if (isNullable && text !== undefined) return { ok: true, json: "null" };
        const unknown = writePath(path.slice(0, root.length + known + 1));
        return fail(problem("unknown-path", `${unknown} does not exist`));
      }
      const json = text.slice(span.start, span.end);
      // At most three bytes for each UTF-16 unit.
      if (json.length * 3 > maxBytes && Buffer.byteLength(json) > maxBytes) {
        return fail(problem("too-large", `${source} is longer than ${maxBytes} bytes`));
      }
      return { ok: true, json };
    },
  };
}

function computedExpression(
  source: string,
  type: string,
  run: ParseResult,
  roots: readonly Root[],
  problem: MakeProblem,
): Expression {
  return {
    source,
    type,
    evaluate(scope, maxBytes) {
      const data = scope.values(roots);
      if (!data.ok) {
        const message = `${writePath(data.tooDeep)} is nested deeper than ${MAX_DATA_DEPTH}`;
        return fail(problem("too-deep", message));
      }
      const outcome = compute(run, source, data.values, scope);
      if (!outcome.ok) {
        return fail(problem(outcome.code, outcome.message, outcome.range));
      }
      const written = writeJson(outcome.value, maxBytes);
      if (written.ok) return written;
      return fail(problem(written.reason, `the result ${written.message}`));
    },
  };
}

type Outcome =
  { ok: true; value: unknown } | { ok: false; code: ProblemCode; message: string; range?: Range };

/** Whether the budget has the steps that finding a path in the text takes; they are spent then. */
function mayRead(text: string, { budget }: Scope): boolean {
  if (budget === null) return true;
  const steps = text.length / CHARACTERS_PER_STEP;
  if (steps > budget.allowance) return false;
  budget.spend(steps);
  return true;
}

function compute(run: ParseResult, source: string, values: object, { budget }: Scope): Outcome {
  meter.begin(budget?.allowance ?? MAX_STEPS);
  let outcome: Outcome;
  try {
    outcome = { ok: true, value: run(values) as unknown };
  } catch (error) {
    outcome = describe(error, source);
  }
  budget?.spend(meter.used);
  // `||` and `exists` swallow every error, also the one that ends too much work.
  return meter.overload === null ? outcome : { ok: false, ...meter.overload };
}

const UNKNOWN_PATH_CODES: ReadonlySet<string> = new Set(["no_such_key", "index_out_of_bounds"]);
/** Of an error's text, which may quote what the sender wrote. */
const MAX_SUMMARY_CHARACTERS = 200;

function describe(error: unknown, source: string): Outcome {
  if (!(error instanceof EvaluationError)) {
    // What JavaScript itself throws inside of a function of cel-js: an unknown time zone, a text too long.
    const reason = error instanceof Error ? error.name : "an error";
    return { ok: false, code: "failed", message: `it cannot be computed on this data (${reason})` };
  }
  const { code, summary, node } = error;
  const range = node === undefined ? undefined : { start: node.start, end: node.end };
  // By its range, for the node's own source may be renamed (renameQuery).
  const part = range === undefined ? "it" : source.slice(range.start, range.end);
  if (UNKNOWN_PATH_CODES.has(code)) {
    return { ok: false, code: "unknown-path", message: `${part} does not exist`, range };
  }
  const isLong = summary.length > MAX_SUMMARY_CHARACTERS;
  const shown = isLong ? `${summary.slice(0, MAX_SUMMARY_CHARACTERS)}…` : summary;
  return { ok: false, code: "failed", message: `${part}: ${shown}`, range };
}
