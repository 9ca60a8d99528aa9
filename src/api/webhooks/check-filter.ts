// A webhook's filter at saving: what does not compile is told to the user at once.
import { loadFilterCompiler } from "../../control/webhook-filter.ts";
import type { FieldError } from "../http/problem.ts";

/** None where it may be saved; `undefined` and null are no filter. */
export async function judgeFilter(filter: string | null | undefined): Promise<FieldError[]> {
  if (filter === undefined || filter === null) return [];
  const compile = await loadFilterCompiler();
  const compiled = compile(filter);
  if (compiled.ok) return [];
  return compiled.problems.map(({ field, code, message }) => ({ field, code, message }));
}
