// Checks a webhook's filter when it is saved: a user learns at once that it does not compile.
import { loadFilterCompiler } from "./webhook-filter.ts";

/** Returns no errors if it may be saved; `undefined` and null are no filter. */
export async function checkFilter(
  filter: string | null | undefined,
): Promise<{ field: string; code: string; message: string }[]> {
  if (filter === undefined || filter === null) return [];
  const compile = await loadFilterCompiler();
  const compiled = compile(filter);
  if (compiled.ok) return [];
  return compiled.problems.map(({ field, code, message }) => ({ field, code, message }));
}
