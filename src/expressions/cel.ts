// The CEL of this product: cel-js with the limits of limits.ts, the roots as variables, and numbers that mix.
// This is the room's only file that takes code from the library. Importing the room loads it (docs/
// performance.md has the size): who uses expressions only sometimes imports the room by `import()`.
import { Environment, EvaluationError, ParseError } from "@marcbachmann/cel-js";
import { UnsignedInt } from "@marcbachmann/cel-js/evaluator";
import { keepTypesShallow } from "./inside-cel.ts";
import { MAX_AST_DEPTH, MAX_AST_NODES, MAX_CALL_ARGUMENTS, MAX_LITERAL_ENTRIES } from "./limits.ts";

export { EvaluationError, ParseError, UnsignedInt };

/** The library's types leave out the third argument: without it, each result may be a promise for cel-js. */
type RegisterOperator = (
  signature: string,
  compute: (left: never, right: never) => CelNumber,
  options: { async: boolean },
) => unknown;
const SYNC = { async: false };

/** Environments are slow to make and hold nothing of an expression: one per set of variables. */
const environments = new Map<string, Environment>();

/** Returns the environment in which these names are the variables. */
export function environmentFor(names: readonly string[]): Environment {
  const key = names.join(" ");
  let environment = environments.get(key);
  if (environment === undefined) environments.set(key, (environment = createEnvironment(names)));
  return environment;
}

function createEnvironment(names: readonly string[]): Environment {
  const environment = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: {
      maxAstNodes: MAX_AST_NODES,
      maxDepth: MAX_AST_DEPTH,
      maxListElements: MAX_LITERAL_ENTRIES,
      maxMapEntries: MAX_LITERAL_ENTRIES,
      maxCallArguments: MAX_CALL_ARGUMENTS,
    },
  });
  for (const name of names) environment.registerVariable(name, "dyn");
  registerMixedNumbers(environment);
  keepTypesShallow(environment);
  return environment;
}

const QUOTED = /'{3}[^]*?'{3}|"{3}[^]*?"{3}|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/g;
const CALL = /([A-Za-z_]\w*)\s*\(/g;

/**
 * Returns the first function in a source that does not exist, or null. Asked before the source is parsed, for
 * cel-js keeps each name that it is asked for.
 */
export function findUnknownFunction(source: string, environment: Environment): string | null {
  const known = functionNames(environment);
  for (const [, name = ""] of source.replaceAll(QUOTED, '""').matchAll(CALL)) {
    if (!known.has(name) && name !== "in") return name;
  }
  return null;
}

const namesOf = new WeakMap<Environment, ReadonlySet<string>>();

function functionNames(environment: Environment): ReadonlySet<string> {
  let names = namesOf.get(environment);
  if (names === undefined) {
    names = new Set(environment.getDefinitions().functions.map(({ name }) => name));
    namesOf.set(environment, names);
  }
  return names;
}

type CelNumber = number | bigint;
interface Arithmetic {
  ofDoubles: (left: number, right: number) => number;
  /** For an integer beyond 2^53 and a whole number: exact. Division has none. */
  ofIntegers?: (left: bigint, right: bigint) => bigint;
}

const OPERATORS: Record<string, Arithmetic> = {
  "+": { ofDoubles: (left, right) => left + right, ofIntegers: (left, right) => left + right },
  "-": { ofDoubles: (left, right) => left - right, ofIntegers: (left, right) => left - right },
  "*": { ofDoubles: (left, right) => left * right, ofIntegers: (left, right) => left * right },
  "/": { ofDoubles: (left, right) => left / right },
  "%": { ofDoubles: (left, right) => left % right },
};

/** JSON has one kind of number: `trigger.data.price * 2` must not fail because 2 is an integer in CEL. */
function registerMixedNumbers(environment: Environment): void {
  const register = environment.registerOperator.bind(environment) as unknown as RegisterOperator;
  for (const [operator, arithmetic] of Object.entries(OPERATORS)) {
    const compute = (left: CelNumber, right: CelNumber) => mixed(arithmetic, left, right);
    register(`double ${operator} int`, compute, SYNC);
    register(`int ${operator} double`, compute, SYNC);
  }
  register("double % double", (left: number, right: number) => left % right, SYNC);
}

function mixed(
  { ofDoubles, ofIntegers }: Arithmetic,
  left: CelNumber,
  right: CelNumber,
): CelNumber {
  if (ofIntegers !== undefined && (isBeyondDouble(left) || isBeyondDouble(right))) {
    if (Number.isInteger(Number(left)) && Number.isInteger(Number(right))) {
      return ofIntegers(BigInt(left), BigInt(right));
    }
  }
  return ofDoubles(Number(left), Number(right));
}

function isBeyondDouble(value: CelNumber): boolean {
  return typeof value === "bigint" && !Number.isSafeInteger(Number(value));
}
