import { describe, expect, test } from "bun:test";
import { compileNodes } from "../../src/inbound/compile.ts";
import { workflowScope } from "../../src/expressions/workflow-scope.ts";
import { nodeSchema, type WorkflowNode } from "../../src/wire/workflow/node.ts";

function nodes(...inputs: object[]): WorkflowNode[] {
  return inputs.map((input) =>
    nodeSchema.parse("type" in input ? input : { type: "set", value: 1, ...input }),
  );
}

function faults(...inputs: object[]) {
  const compiled = compileNodes(nodes(...inputs));
  return compiled.ok ? [] : compiled.faults.map(({ field, code }) => `${field} ${code}`);
}

describe("the order of nodes", () => {
  test("is the written one where no node names another", () => {
    const compiled = compileNodes(nodes({ id: "a" }, { id: "b" }, { id: "c" }));
    if (!compiled.ok) throw new Error("refused");
    expect(compiled.nodes.map(({ id, after }) => [id, after])).toEqual([
      ["a", []],
      ["b", ["a"]],
      ["c", ["b"]],
    ]);
  });

  test("puts a node behind those that it names", () => {
    const compiled = compileNodes(
      nodes({ id: "last", after: ["x", "y"] }, { id: "x", after: [] }, { id: "y", after: [] }),
    );
    if (!compiled.ok) throw new Error("refused");
    expect(compiled.nodes.map(({ id }) => id)).toEqual(["x", "y", "last"]);
  });

  test("refuses a cycle and names it", () => {
    const compiled = compileNodes(
      nodes({ id: "a", after: ["c"] }, { id: "b", after: ["a"] }, { id: "c", after: ["b"] }),
    );
    expect(compiled).toEqual({
      ok: false,
      faults: [
        {
          field: "nodes.0.after",
          code: "cycle",
          message: "the nodes wait for each other: a → b → c → a",
        },
      ],
    });
  });

  test("refuses a node that waits for itself", () => {
    expect(faults({ id: "a", after: ["a"] })).toEqual(["nodes.0.after cycle"]);
  });

  test("refuses an id that is there twice, and an after that names no node", () => {
    expect(faults({ id: "a" }, { id: "a", after: ["b"] })).toEqual([
      "nodes.1.id duplicate-node",
      "nodes.1.after.0 unknown-node",
    ]);
  });
});

describe("the expressions of nodes", () => {
  test.each([
    [{ value: { got: ["{{trigger.nope}}"] } }, "nodes.0.value.got.0 unknown-root"],
    [{ value: { "a b": "{{nodes.b.output}}" } }, "nodes.0.value.a b node-not-before"],
    [{ value: "{{trigger.data" }, "nodes.0.value unclosed"],
    [{ type: "if", condition: "1 + 1" }, "nodes.0.condition wrong-type"],
    [{ type: "http", url: "https://x/{{ }}" }, "nodes.0.url empty"],
    [
      { type: "http", url: "https://x/", headers: { "x-a": "{{nodes.zz.output}}" } },
      "nodes.0.headers.x-a unknown-node",
    ],
    [{ type: "event", user_id: "{{x}}", event: "a.b", data: {} }, "nodes.0.user_id unknown-root"],
    [{ type: "task", task: "t", input: "{{matches}}" }, "nodes.0.input unknown-root"],
  ])("%j is refused at its field", (node, fault) => {
    expect(faults({ id: "a", ...node }, { id: "b" })).toEqual([fault]);
  });

  test("may use a node that comes before by way of another", () => {
    expect(
      faults({ id: "a" }, { id: "b" }, { id: "c", value: "{{nodes.a.output}}{{nodes.b.error}}" }),
    ).toEqual([]);
  });

  test("render what the author wrote", () => {
    const compiled = compileNodes(nodes({ id: "a", value: { id: "{{trigger.data.id}}", n: 1.5 } }));
    const [node] = compiled.ok ? compiled.nodes : [];
    if (node?.type !== "set") throw new Error("no set node");
    const scope = workflowScope({
      body: '{"id":12345678901234567890}',
      query: null,
      headers: "{}",
      executionId: "exec-1",
      nodes: new Map(),
    });
    expect(node.value.render(scope, 1_000)).toEqual({
      ok: true,
      json: '{"id":12345678901234567890,"n":1.5}',
    });
  });
});
