// The filter of a prepared webhook. Guarantee 6: there is no bound on how many webhooks have filters, but
// compiled ones are kept up to a bound; one that was dropped is compiled again when an event meets it.
import { BoundedMap } from "../../bounded-map.ts";
import { loadFilterCompiler, type CompileFilter } from "../../control/webhook-filter.ts";
import type { Filter, FilteredEvent, Verdict } from "../../expressions/filter.ts";
import type { Compiled } from "../../expressions/problem.ts";

const MAX_COMPILED = 1_000;
const known = new BoundedMap<string, Compiled<Filter>>(MAX_COMPILED);

/** Webhooks with the same text share the compiled one. */
export async function prepareFilter(text: string): Promise<Compiled<Filter>> {
  const compile = await loadFilterCompiler();
  const compiled = compiledFilter(text, compile);
  return compiled.ok ? { ok: true, value: new RecompiledFilter(text, compile) } : compiled;
}

/** Holds the text only: what it compiles to may be dropped meanwhile. */
class RecompiledFilter implements Filter {
  constructor(
    private readonly text: string,
    private readonly compile: CompileFilter,
  ) {}

  judge(event: FilteredEvent): Verdict {
    const compiled = compiledFilter(this.text, this.compile);
    if (compiled.ok) return compiled.value.judge(event);
    const [problem] = compiled.problems;
    return problem ? { verdict: "error", problem } : { verdict: "no-match" };
  }
}

function compiledFilter(text: string, compile: CompileFilter): Compiled<Filter> {
  let compiled = known.get(text);
  if (compiled === undefined) {
    compiled = compile(text);
    known.set(text, compiled);
  }
  return compiled;
}
