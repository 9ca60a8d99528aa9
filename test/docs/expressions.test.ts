// docs/expressions.md: every example gives what the page says, and its limits are those of the source.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { compileExpression } from "../../src/expressions/expression.ts";
import { compileFilter } from "../../src/expressions/filter.ts";
import * as limits from "../../src/expressions/limits.ts";
import { workflowRoots } from "../../src/expressions/roots.ts";
import { compileTemplate } from "../../src/expressions/template.ts";
import { headersJson, queryJson, workflowScope } from "../../src/expressions/workflow-scope.ts";

const page = await Bun.file(join(import.meta.dir, "../../docs/expressions.md")).text();
const [, event = ""] = /^```json\n([^]*?)^```$/m.exec(page) ?? [];
const [, query = "", headers = "", body = ""] =
  /^```http\nPOST \S+(\?\S+)\n([^]*?)\n\n([^]*?)^```$/m.exec(page) ?? [];
const [headerName = "", headerValue = ""] = headers.split(": ");

/** The cells of each row of the tables that have this head. */
function tableRows(head: string): string[][] {
  return page
    .split(/\n\n/)
    .filter((block) => block.startsWith(`| ${head} `))
    .flatMap((table) => table.split("\n").slice(2))
    .map((row) =>
      row
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll("\\|", "|")),
    );
}

const code = (cell: string | undefined) => /^`(.*)`$/.exec(cell ?? "")?.[1] ?? "";
const roots = workflowRoots({ all: new Set(), before: new Set() });
const scope = workflowScope({
  body,
  query: queryJson(new URLSearchParams(query)),
  headers: headersJson(new Headers([[headerName, headerValue]]), []),
  executionId: "exec-1",
  nodes: new Map(),
});

/** As the page writes a result. */
function evaluate(source: string): string {
  const compiled = compileExpression(source, roots, { field: "value", offset: 0 });
  if (!compiled.ok) throw new Error(compiled.problems[0]?.message);
  const result = compiled.value.evaluate(scope, 10_000);
  return result.ok
    ? `\`${result.json}\``
    : `error \`${result.problem.code}\`: \`${result.problem.message}\``;
}

describe("docs/expressions.md", () => {
  const templates = tableRows("template");
  test.each(templates)("the template %s gives %s", (template, result) => {
    const compiled = compileTemplate(code(template), "value", roots);
    if (!compiled.ok) throw new Error(compiled.problems[0]?.message);
    expect(compiled.value.render(scope, 10_000)).toEqual({ ok: true, json: code(result) });
  });

  const expressions = tableRows("expression");
  test.each(expressions)("the expression %s gives %s", (source, result) => {
    expect(evaluate(code(source))).toBe(result ?? "");
  });

  const filters = tableRows("filter");
  test.each(filters)("the filter %s: %s", (filter, verdict) => {
    const compiled = compileFilter(code(filter));
    if (!compiled.ok) throw new Error(compiled.problems[0]?.message);
    const { id, event: type, timestamp, user_id: userId, data } = JSON.parse(event);
    const judged = compiled.value.judge({
      id,
      type,
      timestamp,
      userId,
      data: JSON.stringify(data),
    });
    expect(judged.verdict.replace("-", " ")).toBe(verdict ?? "");
  });

  const refused = tableRows("refused");
  test.each(refused)("refuses %s: %s", (_what, source) => {
    const compiled = compileExpression(code(source), roots, { field: "value", offset: 0 });
    expect(compiled).toMatchObject({ ok: false, problems: [{ code: "not-supported" }] });
  });

  test("has examples of everything", () => {
    expect([templates, expressions, filters, refused].map((rows) => rows.length > 4)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  test.each([
    ["characters of an expression", limits.MAX_SOURCE_CHARACTERS],
    ["nodes of its syntax tree", limits.MAX_AST_NODES],
    ["nesting of the expression", limits.MAX_AST_DEPTH],
    ["lists and maps that it writes down, inside each other", limits.MAX_LITERAL_DEPTH],
    ["elements that a macro walks over", limits.MAX_MACRO_ELEMENTS],
    ["nesting of the data", limits.MAX_DATA_DEPTH],
  ])("has the limit of %s", (name, limit) => {
    const [, cell] = tableRows("limit").find(([first]) => first === name) ?? [];
    expect(cell?.split(" ")[0]).toBe(limit.toLocaleString("en-US"));
  });
});
