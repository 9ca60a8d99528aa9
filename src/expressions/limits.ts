// The bounds of every expression. docs/expressions.md lists them for users.

export const MAX_SOURCE_CHARACTERS = 1_000;
export const MAX_AST_NODES = 256;
export const MAX_AST_DEPTH = 24;
/** In one list or map that an expression writes down. */
export const MAX_LITERAL_ENTRIES = 64;
/** Lists, maps and optionals inside each other. cel-js keeps a type for each way to nest them. */
export const MAX_LITERAL_DEPTH = 4;
export const MAX_CALL_ARGUMENTS = 8;
export const MAX_MACROS = 2;

/** Of one evaluation. A step is the evaluation of one node, about 0.1 µs (docs/performance.md, "Expressions"). */
export const MAX_STEPS = 170_000;
/** Of all filters of one event. */
export const MAX_EVENT_STEPS = 500_000;
/** What each filter may take when the others have used up those of the event. A plain comparison takes a few. */
export const MIN_FILTER_STEPS = 500;

/** Of the list that a macro walks over. */
export const MAX_MACRO_ELEMENTS = 20_000;
/** Arrays and objects inside each other, in data that is computed with. */
export const MAX_DATA_DEPTH = 64;
/**
 * Digits of an integer that is kept exact. BigInt reads and writes decimal text in quadratic time
 * (1,000 digits, 1 MiB of them: 3.4 ms), so a longer one is a double, as for JSON.parse.
 */
export const MAX_EXACT_DIGITS = 1_000;
