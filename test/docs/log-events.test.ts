// docs/operations.md explains every log event and every kind of alert: those that the source has, and no
// other.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ALERT_KINDS } from "../../src/wire/alert.ts";

const ROOT = join(import.meta.dir, "../..");
const page = await Bun.file(join(ROOT, "docs/operations.md")).text();

/** `log.warn(`, `this.options.log.warn(`, and the heartbeat's `report(error, "noun.verb")`. */
const CALL = /\blog\.(trace|debug|info|warn|error|fatal)\(|\bthis\.report\((?=error)/g;
const EVENT = /"([a-z]+\.[a-z_]+)"/g;

interface LogCall {
  level: string;
  events: string[];
}

/** From an opening parenthesis to its closing one. */
function argumentsAt(source: string, start: number): string {
  let depth = 1;
  let end = start;
  while (depth > 0 && end < source.length) {
    if (source[end] === "(") depth += 1;
    if (source[end] === ")") depth -= 1;
    end += 1;
  }
  return source.slice(start, end);
}

function logCalls(source: string): LogCall[] {
  return [...source.matchAll(CALL)].map((call) => {
    const text = argumentsAt(source, call.index + call[0].length);
    const events = [...text.matchAll(EVENT)].map(([, event = ""]) => event);
    return { level: call[1] ?? "error", events };
  });
}

/** The first two cells of each row of the table under `heading`, without code marks. */
function rows(heading: string): [first: string, second: string][] {
  const [, section = ""] = page.split(`\n### ${heading}\n`);
  const [text = ""] = section.split(/\n##/);
  const lines = text.split("\n").filter((line) => line.startsWith("| `"));
  return lines.map((line) => {
    const [, first = "", second = ""] = line.split("|");
    return [first.replaceAll("`", "").trim(), second.replaceAll("`", "").trim()];
  });
}

const logged = new Map<string, Set<string>>();
const withoutName: string[] = [];
for (const file of [...new Bun.Glob("src/**/*.ts").scanSync(ROOT)].toSorted()) {
  for (const { level, events } of logCalls(await Bun.file(join(ROOT, file)).text())) {
    if (events.length === 0) withoutName.push(file);
    for (const event of events) logged.set(event, (logged.get(event) ?? new Set()).add(level));
  }
}

describe("the log events of docs/operations.md", () => {
  const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];
  const listed = new Map(rows("Log events"));

  test("are those that the source logs, each at its level", () => {
    const levelsOf = (event: string) =>
      LEVELS.filter((level) => logged.get(event)?.has(level)).join(", ");
    const expected = [...logged.keys()].map((event) => [event, levelsOf(event)] as const);
    expect(logged.size).toBeGreaterThan(40);
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(expected));
  });

  test("are each listed once", () => {
    expect(rows("Log events")).toHaveLength(listed.size);
  });

  test("are all named where they are logged, but for the function that logs what it is given", () => {
    expect(withoutName).toEqual(["src/worker/settle/heartbeat.ts"]);
  });

  test("are the only names of this form on the page, beside the kinds of alerts", () => {
    const kinds = rows("Alerts").map(([kind]) => kind);
    const named = [...page.matchAll(/`([a-z]+\.[a-z_]+)`/g)].map(([, name = ""]) => name);
    const unknown = named.filter((name) => !logged.has(name) && !kinds.includes(name));
    expect(unknown).toEqual([]);
  });
});

describe("the kinds of alerts", () => {
  test("are all in docs/operations.md, the README and docs/design.md", async () => {
    const kinds: string[] = [...ALERT_KINDS];
    expect(kinds.length).toBeGreaterThan(5);
    expect(rows("Alerts").map(([kind]) => kind)).toEqual(kinds);
    for (const other of ["README.md", "docs/design.md"]) {
      const text = await Bun.file(join(ROOT, other)).text();
      const line = text.split("\n").find((one) => one.startsWith("**Alerts**")) ?? "";
      const named = [...line.matchAll(/`([a-z]+\.[a-z_]+)`/g)].map(([, kind = ""]) => kind);
      expect([other, named.toSorted()]).toEqual([other, kinds.toSorted()]);
    }
  });
});

describe("the test's own search for log events", () => {
  test.each([
    ['log.warn({ a: f(1) }, "a.b");', "warn", ["a.b"]],
    ['this.options.log.error(\n  { err },\n  "a.b_c",\n);', "error", ["a.b_c"]],
    ['log.error(about, is ? "a.b" : "a.c");', "error", ["a.b", "a.c"]],
    ['onError: (error) => log.error({ err: error }, "a.b"),', "error", ["a.b"]],
    ['this.report(error, "a.b");', "error", ["a.b"]],
    ["log.info({}, event);", "info", []],
  ])("finds them in %j", (source, level, events) => {
    expect(logCalls(source)).toEqual([{ level, events }]);
  });
});
