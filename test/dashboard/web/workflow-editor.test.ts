// What the editor computes: paths of real data, places in a text, insertions, shell lines, the diagram; and how large
// it is.
import { expect, test } from "bun:test";
import { buildWeb } from "../../../src/dashboard/build-web.ts";
import { afterOf, newNode, type DraftNode } from "../../../src/dashboard/web/workflow/document.ts";
import { jsonText, parseExact } from "../../../src/dashboard/web/workflow/exact-json.ts";
import { insertionFor } from "../../../src/dashboard/web/workflow/insertion-text.ts";
import { layOut } from "../../../src/dashboard/web/workflow/layout.ts";
import { pathsOf } from "../../../src/dashboard/web/workflow/paths.ts";
import { placeOf } from "../../../src/dashboard/web/workflow/places.ts";

const MAX_CHUNK_BYTES = 25_000;

test("each chunk of the editor, and both together by brotli, are at most 25 kB", async () => {
  const files = await buildWeb("small");
  const chunks = files.filter(({ path }) => /assets\/(?:layout|workflow)-/.test(path));
  expect(chunks).toHaveLength(2);
  for (const { gzip } of chunks) expect(gzip.length).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
  const brotli = chunks.reduce((sum, one) => sum + one.brotli.length, 0);
  expect(brotli).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
});

test("the menu lists the paths of the data, with brackets where a name needs them", () => {
  const paths = pathsOf({
    data: parseExact('{"id":12345678901234567890,"a b":[{"c":1}],"e":null}'),
    headers: { "x-a": "1" },
    nodes: [{ id: "my-node", output: { ok: true } }],
  });
  expect(paths.map(({ path, shown }) => `${path} ${shown}`)).toEqual([
    'trigger.data {"id":12345678901234567890,"a b":[{"c":1…',
    "trigger.data.id 12345678901234567890",
    'trigger.data["a b"] [{"c":1}]',
    'trigger.data["a b"][0] {"c":1}',
    'trigger.data["a b"][0].c 1',
    "trigger.data.e null",
    'nodes["my-node"].output {"ok":true}',
    'nodes["my-node"].output.ok true',
    'trigger.headers {"x-a":"1"}',
    'trigger.headers["x-a"] "1"',
  ]);
});

test("the menu of large data is bounded", () => {
  const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`k${at}`, at]));
  expect(pathsOf({ data: wide, headers: {}, nodes: [] }).length).toBeLessThanOrEqual(150);
});

test("a mistake is shown at the value that its field names", () => {
  const text =
    '{\n  "a": "x,}]\\"",\n  "nodes": [\n    1,\n    { "value": { "b c": [true, "here"] } }\n  ]\n}';
  const at = (field: string) => {
    const { start, end, line } = placeOf(text, field);
    return [line, text.slice(start, end)];
  };
  expect(at("nodes.1.value.b c.1")).toEqual([5, '"here"']);
  expect(at("nodes.1.value.b c")).toEqual([5, '[true, "here"]']);
  expect(at("nodes.0")).toEqual([4, "1"]);
  expect(at("a")).toEqual([2, '"x,}]\\""']);
  // What is missing is shown at what it is missing in.
  expect(at("nodes.1.after.0")).toEqual([5, '{ "value": { "b c": [true, "here"] } }']);
  expect(at("")).toEqual([1, text]);
});

test.each([
  ["text", "Hello ", 6, "{{trigger.data.a}}"],
  ["json", '"Hello "', 7, "{{trigger.data.a}}"],
  ["json", '{"a": }', 6, '"{{trigger.data.a}}"'],
  ["json", '"\\" "', 4, "{{trigger.data.a}}"],
])("in a field of %s with %j at %d, %j is inserted", (kind, value, at, expected) => {
  expect(insertionFor(kind, value, at, "trigger.data.a")).toBe(expected);
});

test("a path with quotes stays JSON in JSON", () => {
  const path = 'trigger.headers["x-a"]';
  expect(JSON.parse(`"${insertionFor("json", '"', 1, path)}"`)).toBe(`{{${path}}}`);
  expect(JSON.parse(insertionFor("json", "", 0, path))).toBe(`{{${path}}}`);
});

test("numbers of a document stay as they were written", () => {
  expect(jsonText(parseExact('{"a":[1.10,12345678901234567890,1]}'))).toBe(
    '{\n  "a": [\n    1.10,\n    12345678901234567890,\n    1\n  ]\n}',
  );
});

test("a new node has an id that no other has, and comes after the one above it", () => {
  const nodes: DraftNode[] = [newNode("set", [])];
  nodes.push(newNode("set", nodes));
  expect(nodes.map(({ id }) => id)).toEqual(["set_1", "set_2"]);
  expect(afterOf(nodes, 1)).toEqual(["set_1"]);
  expect(afterOf([{ id: "a", type: "set", after: [] }], 0)).toEqual([]);
});

test("the diagram has a box for each node, below what it comes after, also while the document is wrong", () => {
  const { boxes, lines } = layOut(
    ["a", "b", "c", "a"],
    [
      { from: "a", to: "b" },
      { from: "b", to: "c" },
      { from: "c", to: "a" },
      { from: "nobody", to: "a" },
    ],
  );
  expect(boxes.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  expect(lines).toHaveLength(3);
  const [a, b] = boxes;
  expect((a?.y ?? 0) < (b?.y ?? 0)).toBe(true);
});
