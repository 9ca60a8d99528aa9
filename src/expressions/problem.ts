// What can be wrong with an expression, when it is saved and when it runs. A problem is a value; nothing in
// this room throws for what an author wrote or a sender sent.

/** Found when an expression is saved: the author has to change it. */
export const SAVE_CODES = [
  "unclosed",
  "empty",
  "too-long",
  "too-complex",
  "syntax",
  "unknown-function",
  "unknown-root",
  "unknown-node",
  "node-not-before",
  "not-supported",
  "wrong-type",
] as const;

/** Found when an expression runs, because of the data that it met. */
export const RUN_CODES = [
  "unknown-path",
  "failed",
  "not-json",
  "not-boolean",
  "too-large",
  "too-many-elements",
  "too-much-work",
  "too-deep",
  "unsafe-url",
  "unsafe-header",
] as const;

export type ProblemCode = (typeof SAVE_CODES)[number] | (typeof RUN_CODES)[number];

export interface Problem {
  code: ProblemCode;
  message: string;
  /** The field that the expression is in: `nodes[1].body.got`. */
  field: string;
  /** Where in the text of the field, in UTF-16 units, where that is known. */
  range?: { start: number; end: number };
}

export type Compiled<T> = { ok: true; value: T } | { ok: false; problems: Problem[] };

/** JSON as text. What is only passed on is never parsed and written again. */
export type JsonText = string;

export type Result = { ok: true; json: JsonText } | { ok: false; problem: Problem };

export function refuse<T>(problem: Problem): Compiled<T> {
  return { ok: false, problems: [problem] };
}

export function fail(problem: Problem): { ok: false; problem: Problem } {
  return { ok: false, problem };
}
