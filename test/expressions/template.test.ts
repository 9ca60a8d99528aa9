// {{ }} in JSON, in texts, in URLs and headers (docs/expressions.md).
import { describe, expect, test } from "bun:test";
import { compileTemplate } from "../../src/expressions/template.ts";
import { compileHeader, compileText, compileUrl } from "../../src/expressions/text-template.ts";
import { executionOf, MAX_BYTES, ROOTS, shown } from "./support.ts";

function render(json: string, scope = executionOf(), maxBytes = MAX_BYTES): string {
  JSON.parse(json);
  const compiled = compileTemplate(json, "value", ROOTS);
  if (!compiled.ok) return compiled.problems.map((one) => `${one.field} ${shown(one)}`).join("; ");
  const result = compiled.value.render(scope, maxBytes);
  return result.ok ? result.json : `${result.problem.field} ${shown(result.problem)}`;
}

type CompileText = typeof compileText;
function renderText(compile: CompileText, text: string, scope = executionOf()): string {
  const compiled = compile(text, "field", ROOTS);
  if (!compiled.ok) return compiled.problems.map(shown).join("; ");
  const result = compiled.value.render(scope, MAX_BYTES);
  return result.ok ? result.text : shown(result.problem);
}

describe("a template", () => {
  test.each([
    [
      "becomes the value with its type where the expression is alone",
      '"{{trigger.data.id}}"',
      "12345678901234567890",
    ],
    ["inserts a text as it is", '"<{{trigger.data.text}}>"', String.raw`"<a\u0062c>"`],
    ["inserts null as nothing", '"<{{trigger.data.none}}>"', '"<>"'],
    ["inserts a number as it was written", '"<{{trigger.data.price}}>"', '"<1.10>"'],
    [
      "inserts an object as it was written",
      '"<{{trigger.data.object}}>"',
      String.raw`"<{ \"x\":1.0 }>"`,
    ],
    ["is text where a space is outside of the braces", '" {{trigger.data.n}}"', '" 7"'],
    ["takes spaces inside of the braces", '"{{ trigger.data.n }}"', "7"],
    ["takes the expression's own braces", `"{{ {'a':{'b':1}} }}"`, '{"a":{"b":1}}'],
    ["takes the expression's own braces without spaces", `"{{{'a':{'b':1}}}}"`, '{"a":{"b":1}}'],
    ["takes braces in quotes", `"{{'}}'}}"`, '"}}"'],
    ["takes braces in triple quotes", `"{{'''a'}}'''}}"`, `"a'}}"`],
    ["takes an escaped quote in quotes", String.raw`"{{'\\'}}'}}"`, `"'}}"`],
    ["writes a literal {{", `"{{'{{'}} x"`, '"{{ x"'],
    ["takes several expressions", '"{{trigger.data.n}}-{{trigger.data.n}}"', '"7-7"'],
    [
      "keeps what has no expression as it was written",
      '{ "a": 1.10, "b": [1.0 , 12345678901234567890] }',
      '{ "a": 1.10, "b": [1.0 , 12345678901234567890] }',
    ],
    [
      "leaves keys alone",
      '{"{{trigger.data.n}}":"{{trigger.data.n}}"}',
      '{"{{trigger.data.n}}":7}',
    ],
    [
      "works at any depth",
      '{"a":[{"b":"{{trigger.data.n}}"},"{{trigger.data.none}}"]}',
      '{"a":[{"b":7},null]}',
    ],
    ["keeps the escapes of its literals", String.raw`"\u00e9\n\"{{trigger.data.n}}"`, '"é\\n\\"7"'],
    [
      "reads braces that were written with escapes",
      String.raw`"\u007b\u007btrigger.data.n}}"`,
      "7",
    ],
    [
      "never reads a result as a template again",
      '"{{nodes.first.output.next}}"',
      '"{{trigger.data.n}}"',
    ],
    [
      "never reads an inserted result as a template again",
      '"<{{nodes.first.output.next}}>"',
      '"<{{trigger.data.n}}>"',
    ],
    [
      "never reads a result as an expression with the text around it",
      '"{{trigger.data._query.source}}.data.n}}"',
      '"crm.data.n}}"',
    ],
  ])("%s", (_claim, template, result) => {
    expect(render(template)).toBe(result);
  });

  test.each([
    [
      "an unclosed {{",
      '{"a":["x {{trigger"]}',
      "value.a[0] unclosed: {{ at character 3 is not closed by }}; a literal {{ is {{'{{'}}",
    ],
    [
      "a single closing brace",
      '"{{1}"',
      "value unclosed: {{ at character 1 is not closed by }}; a literal {{ is {{'{{'}}",
    ],
    ["an empty expression", '"{{ }}"', "value empty: the expression is empty"],
    [
      "every field at once",
      '{"a":"{{x}}","b c":"{{1 +}}"}',
      'value.a unknown-root: x is not a value that an expression can use; there are trigger, nodes and execution; value["b c"] syntax: Unexpected token: EOF',
    ],
    [
      "nesting deeper than 64",
      "[".repeat(65) + "]".repeat(65),
      "value too-complex: it is nested deeper than 64",
    ],
  ])("refuses %s with the field", (_claim, template, refusal) => {
    expect(render(template)).toBe(refusal);
  });

  test("fails with the field of the expression that failed", () => {
    expect(render('{"a":{"b":"{{trigger.data.nope}}"}}')).toBe(
      "value.a.b unknown-path: trigger.data.nope does not exist",
    );
  });

  test("fails where expressions give more bytes than allowed, each of them within it", () => {
    const scope = executionOf({ body: `{"t":"${"é".repeat(400)}"}` });
    expect(render('["{{trigger.data.t}}"]', scope, 1_000)).toStartWith("[");
    expect(render('["{{trigger.data.t}}","{{trigger.data.t}}"]', scope, 1_000)).toContain(
      "too-large",
    );
  });

  test("passes a body through set, http and event byte for byte", () => {
    const body = '{ "id": 12345678901234567890, "price": 1.10, "same": 1.0, "same": 2.0 }';
    let text = body;
    for (let node = 0; node < 3; node++) {
      text = render('"{{trigger.data}}"', executionOf({ body: text, query: null }));
    }
    expect(text).toBe(body);
  });

  test("leaves expressions in a sender's data alone, wherever they are", () => {
    const body = '{"x":"{{trigger.headers}}","{{y}}":"{{{{"}';
    const scope = executionOf({
      body,
      query: '{"q":"{{trigger.headers}}"}',
      headers: '{"secret":"s3cret"}',
    });
    const result = render(
      '{"a":"{{trigger.data}}","b":"<{{trigger.data.x}}>","c":"{{[trigger.data.x]}}","d":"{{trigger.data._query.q}}"}',
      scope,
    );
    expect(result).not.toContain("s3cret");
    expect(JSON.parse(result)).toMatchObject({
      b: "<{{trigger.headers}}>",
      c: ["{{trigger.headers}}"],
      d: "{{trigger.headers}}",
    });
  });
});

describe("trigger.data", () => {
  const whole = (body: string, query: string | null) =>
    render('"{{trigger.data}}"', executionOf({ body, query }));
  test.each([
    ["is the body as it came without a query", ' {"a" :1} ', null, '{"a" :1}'],
    ["has the query put in", '{"a":1.0}', '{"q":"1"}', '{"a":1.0,"_query":{"q":"1"}}'],
    ["has the query put into an empty object", "{ }", '{"q":"1"}', '{ "_query":{"q":"1"}}'],
    [
      "has the body's own _query replaced",
      '{"_query":7,"a":1}',
      '{"q":"1"}',
      '{"_query":{"q":"1"},"a":1}',
    ],
    ["stays what it is where the body is no object", "[1, 2]", '{"q":"1"}', "[1, 2]"],
  ])("%s", (_claim, body, query, text) => {
    expect(whole(body, query)).toBe(text);
  });

  test.each([
    ["is {} without a query, whatever the body says", '{"_query":{"q":"body"}}', null, "{}"],
    ["is the query where the body is a list", "[1]", '{"q":"1"}', '{"q":"1"}'],
    ["is the query where the body has one", '{"_query":{"q":"body"}}', '{"q":"1"}', '{"q":"1"}'],
  ])("._query %s", (_claim, body, query, text) => {
    const scope = () => executionOf({ body, query });
    expect(render('"{{trigger.data._query}}"', scope())).toBe(text);
    expect(render('"{{[trigger.data._query][0]}}"', scope())).toBe(text);
    expect(render('"{{[trigger . data\\n. _query, 1][0]}}"', scope())).toBe(text);
  });
});

describe("a URL", () => {
  const scope = executionOf({
    body: JSON.stringify({
      id: "a/../b?x=1#y",
      host: "eu",
      evil: "evil.example/",
      dots: "..",
      url: "https://other.example/p?q=1",
      lone: "\ud800",
    }),
  });
  test.each([
    [
      "percent-encodes what is inserted behind the host",
      "https://api.example/{{trigger.data.id}}",
      "https://api.example/a%2F..%2Fb%3Fx%3D1%23y",
    ],
    [
      "percent-encodes in the query",
      "https://api.example?id={{trigger.data.id}}",
      "https://api.example?id=a%2F..%2Fb%3Fx%3D1%23y",
    ],
    [
      "takes a name as part of the host",
      "https://{{trigger.data.host}}.example/x",
      "https://eu.example/x",
    ],
    [
      "refuses what would end the host",
      "https://{{trigger.data.evil}}.example/x",
      "unsafe-url: trigger.data.evil is in the place of the host and has other characters than A-Z a-z 0-9 . -",
    ],
    ["may be chosen as a whole", "{{trigger.data.url}}", "https://other.example/p?q=1"],
    [
      "refuses a segment .. from the data",
      "https://api.example/users/{{trigger.data.dots}}/x",
      "unsafe-url: its path has a segment . or .., which leads to another path",
    ],
    [
      "refuses a segment .. of which the data give a half",
      "https://api.example/users/.%2{{'e'}}/x",
      "unsafe-url: its path has a segment . or .., which leads to another path",
    ],
    [
      "refuses its own segment .. when it is saved",
      "https://api.example/a/../b",
      "unsafe-url: its path has a segment . or .., which leads to another path",
    ],
    [
      "refuses half of a surrogate pair",
      "https://api.example/{{trigger.data.lone}}",
      "unsafe-url: trigger.data.lone is no valid Unicode text",
    ],
  ])("%s", (_claim, template, url) => {
    expect(renderText(compileUrl, template, scope)).toBe(url);
  });
});

describe("a header", () => {
  test.each([
    ["takes text", '"a"', "a"],
    ["refuses CR", String.raw`"a\r"`, "unsafe-header: the header's value has a CR character"],
    [
      "refuses LF",
      String.raw`"a\nX-Evil: 1"`,
      "unsafe-header: the header's value has a LF character",
    ],
    ["refuses NUL", String.raw`"\u0000"`, "unsafe-header: the header's value has a NUL character"],
  ])("%s", (_claim, json, result) => {
    const scope = executionOf({ body: `{"x":${json}}` });
    expect(renderText(compileHeader, "{{trigger.data.x}}", scope)).toBe(result);
  });
});

describe("a text", () => {
  test.each([
    ["takes a number as it was written", "{{trigger.data.price}}", "1.10"],
    ["decodes an inserted text", "u-{{trigger.data.text}}", "u-abc"],
    ["is never read as a template again", "{{nodes.first.output.next}}", "{{trigger.data.n}}"],
    [
      "names what does not exist",
      "u-{{trigger.data.nope}}",
      "unknown-path: trigger.data.nope does not exist",
    ],
  ])("%s", (_claim, template, text) => {
    expect(renderText(compileText, template)).toBe(text);
  });
});
