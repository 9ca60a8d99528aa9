// The filter of an outbound webhook: `event.data.amount > 1000`. An event that does not match is not sent.
import type { Event } from "../wire/event.ts";
import { Budget } from "./budget.ts";
import { compileCondition } from "./condition.ts";
import type { Compiled, JsonText, Problem } from "./problem.ts";
import { FILTER_ROOTS, type EventField, type Root } from "./roots.ts";
import { Scope } from "./scope.ts";

/** An event as a filter sees it: id and timestamp are there by then, made where the producer gave none. */
export type FilteredEvent = Event & { id: string; timestamp: string };

/** `error` counts as no match, and the caller counts it as `filter-error`. */
export type Verdict = { verdict: "match" | "no-match" } | { verdict: "error"; problem: Problem };

export interface Filter {
  /**
   * Decides about one event, which must not change after that. `data` is parsed only where a filter
   * computes with it, and once for all filters that are given the same object.
   */
  judge(event: FilteredEvent): Verdict;
}

const MATCH: Verdict = { verdict: "match" };
const NO_MATCH: Verdict = { verdict: "no-match" };

/** Compiles a filter; its problems are for a 422. */
export function compileFilter(text: string, field = "filter"): Compiled<Filter> {
  const compiled = compileCondition(text, field, FILTER_ROOTS);
  if (!compiled.ok) return compiled;
  const { value: condition } = compiled;
  return {
    ok: true,
    value: {
      judge(event) {
        const answer = condition.evaluate(scopeOf(event));
        if (!answer.ok) return { verdict: "error", problem: answer.problem };
        return answer.isTrue ? MATCH : NO_MATCH;
      },
    },
  };
}

/** Shared by all filters that judge the same event: its data are parsed once, and their work is bounded together. */
const scopes = new WeakMap<FilteredEvent, Scope>();

function scopeOf(event: FilteredEvent): Scope {
  let scope = scopes.get(event);
  if (scope === undefined) {
    scope = new Scope((root) => fieldText(event, root), new Budget());
    scopes.set(event, scope);
  }
  return scope;
}

function fieldText(event: FilteredEvent, [, field]: Root): JsonText | undefined {
  if (field === "data") return event.data;
  const text = fieldOf(event, field as Exclude<EventField, "data">);
  return text === undefined ? undefined : JSON.stringify(text);
}

function fieldOf(event: FilteredEvent, field: Exclude<EventField, "data">): string | undefined {
  switch (field) {
    case "id":
      return event.id;
    case "event":
      return event.type;
    case "timestamp":
      return event.timestamp;
    case "user_id":
      return event.userId;
    case "org_id":
      return event.orgId;
  }
}
