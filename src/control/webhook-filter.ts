// The compiler of webhooks' filters. The engine takes 12 MB of memory once it is loaded, so it is loaded
// with the first filter that is saved or prepared: a process that has none never loads it.
import type { Filter } from "../expressions/filter.ts";
import type { Compiled } from "../expressions/problem.ts";

/** Problems name the field `filter`. */
export type CompileFilter = (text: string) => Compiled<Filter>;

export async function loadFilterCompiler(): Promise<CompileFilter> {
  const { compileFilter } = await import("../expressions/filter.ts");
  return (text) => compileFilter(text, "filter");
}
