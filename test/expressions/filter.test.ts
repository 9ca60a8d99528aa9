import { describe, expect, test } from "bun:test";
import { compileFilter, type FilteredEvent } from "../../src/expressions/filter.ts";
import { shown } from "./support.ts";

const EVENT: FilteredEvent = {
  id: "evt_1",
  type: "order.created",
  timestamp: "2026-01-02T03:04:05Z",
  userId: "u_1",
  data: '{"amount":1500,"currency":"EUR","id":12345678901234567890,"paid":true,"lines":[{"sku":"A"}]}',
};

function judge(filter: string, event: Partial<FilteredEvent> = {}): string {
  const compiled = compileFilter(filter);
  if (!compiled.ok) return compiled.problems.map((one) => `${one.field} ${shown(one)}`).join("; ");
  const verdict = compiled.value.judge({ ...EVENT, ...event });
  return verdict.verdict === "error" ? shown(verdict.problem) : verdict.verdict;
}

describe("a filter", () => {
  test.each([
    ["reads the data", "event.data.amount > 1000", "match"],
    ["does not match", "event.data.amount > 2000", "no-match"],
    ["may be a plain path", "event.data.paid", "match"],
    ["reads the event's id", 'event.id == "evt_1"', "match"],
    ["reads the event's type", 'event.event.startsWith("order.")', "match"],
    ["reads the time", 'timestamp(event.timestamp) < timestamp("2026-02-01T00:00:00Z")', "match"],
    ["reads the user", 'event.user_id == "u_1"', "match"],
    ["asks for the organisation", "has(event.org_id)", "no-match"],
    ["compares big integers exactly", "event.data.id == 12345678901234567890", "match"],
    ["tells big integers apart", "event.data.id == 12345678901234567891", "no-match"],
    ["walks over a list", 'event.data.lines.exists(line, line.sku == "A")', "match"],
    [
      "errs at an unknown path",
      "event.data.total > 1",
      "unknown-path: event.data.total does not exist",
    ],
    [
      "errs at a plain unknown path",
      "event.data.open",
      "unknown-path: event.data.open does not exist",
    ],
    [
      "errs at an event without an organisation",
      'event.org_id == "o_1"',
      "unknown-path: event.org_id does not exist",
    ],
    [
      "errs where it gives no boolean",
      "event.data.currency",
      'not-boolean: filter is "EUR", not true or false',
    ],
    [
      "errs at types that do not fit",
      'event.data.amount > "1"',
      'failed: event.data.amount > "1": no such overload: dyn<double> > string',
    ],
  ])("%s", (_claim, filter, verdict) => {
    expect(judge(filter)).toBe(verdict);
  });

  test.each([
    ["syntax", "event.data.amount >", "filter syntax: Unexpected token: EOF"],
    [
      "an unknown root",
      "data.amount > 1",
      "filter unknown-root: data is not a value that an expression can use; there are event",
    ],
    [
      "an unknown field",
      "event.type",
      "filter unknown-root: event.type is not a value that an expression can use; there are event.id, event.event, event.timestamp, event.user_id, event.org_id, event.data",
    ],
    [
      "the roots of workflows",
      "trigger.data.x == 1",
      "filter unknown-root: trigger is not a value that an expression can use; there are event",
    ],
    [
      "what is no condition",
      "size(event.data.currency)",
      "filter wrong-type: it gives a value of type int, and must give true or false",
    ],
    [
      "what is not bounded",
      'event.data.currency.matches("x")',
      "filter not-supported: matches() is not supported: a regular expression may take unbounded time",
    ],
    ["nothing", "", "filter empty: the expression is empty"],
  ])("is refused at saving for %s", (_claim, filter, refusal) => {
    expect(judge(filter)).toBe(refusal);
  });

  test("errs at data nested deeper than 64, where it computes with them", () => {
    const nested = (depth: number) =>
      `{"amount":1500,"x":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect(judge("event.data.amount > 1000", { data: nested(63) })).toBe("match");
    expect(judge("event.data.amount > 1000", { data: nested(64) })).toBe(
      "too-deep: event.data is nested deeper than 64",
    );
    expect(judge("event.data.amount > 1000", { data: nested(100_000) })).toStartWith("too-deep");
  });

  test("does not parse the data for a plain path or another field", () => {
    const unparsable = '{"paid":true,"rest":nojson}';
    expect(judge("event.data.paid", { data: unparsable })).toBe("match");
    expect(judge('event.event == "order.created"', { data: unparsable })).toBe("match");
  });
});
