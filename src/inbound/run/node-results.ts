// What the nodes of one execution have come to so far: as expressions read it, and as Valkey is to store it.
import { workflowScope } from "../../expressions/workflow-scope.ts";
import type { Scope } from "../../expressions/scope.ts";
import { resultText, type NodeResult } from "../../valkey/inbound/stored-execution.ts";
import type { CompiledNode } from "../compile.ts";
import { failure, type NodeContext, type NodeFailure } from "./nodes/outcome.ts";
import { PASSED, runPure, type PureNode } from "./nodes/pure.ts";

export type Field = readonly [field: string, value: string];

export interface ExecutionInput {
  body: string;
  query: string | null;
  headers: string;
  /** Of nodes that have ended in an earlier run. */
  results: Map<string, NodeResult>;
}

export class NodeResults {
  readonly all: Map<string, NodeResult>;
  readonly scope: Scope;
  /** What the expressions read. */
  private readonly texts = new Map<string, { output?: string; error?: string }>();
  /** Results that are not stored yet: those of pure nodes. */
  private unsaved: Field[] = [];

  constructor(
    { body, query, headers, results }: ExecutionInput,
    private readonly nodes: readonly CompiledNode[],
    private readonly context: NodeContext,
    private readonly now: () => number,
  ) {
    this.all = results;
    const { texts } = this;
    for (const [node, result] of results) texts.set(node, textsOf(result));
    const { executionId } = context;
    this.scope = workflowScope({ body, query, headers, executionId, nodes: texts });
  }

  /** Skips a node that waits for one that was skipped, or for an `if` that did not pass. */
  skips(node: CompiledNode): boolean {
    const isSkipped = node.after.some((id) => {
      const result = this.all.get(id);
      return result?.state === "skipped" || this.didNotPass(id, result);
    });
    if (!isSkipped) return false;
    const startedMs = this.now();
    this.record(node, { state: "skipped", attempts: 0, startedMs, durationMs: 0, json: "null" });
    return true;
  }

  private didNotPass(id: string, result: NodeResult | undefined): boolean {
    // One that failed, and whose error the workflow goes on after, did not pass either.
    if (result === undefined || result.json === PASSED) return false;
    return this.nodes.find((node) => node.id === id)?.type === "if";
  }

  /** Computes a node and records its result. Returns the failure of one that has failed. */
  compute(node: PureNode): NodeFailure | null {
    const startedMs = this.now();
    const outcome = runPure(node, this.scope, this.context);
    const durationMs = this.now() - startedMs;
    if (outcome.kind === "finished") {
      const { json } = outcome;
      this.record(node, { state: "finished", attempts: 1, startedMs, durationMs, json });
      return null;
    }
    const failed = outcome.kind === "failed" ? outcome : failure("failed", "it cannot be computed");
    const json = failureJson(failed);
    this.record(node, { state: "failed", attempts: 1, startedMs, durationMs, json });
    return failed;
  }

  record(node: CompiledNode, result: NodeResult): void {
    this.all.set(node.id, result);
    this.texts.set(node.id, textsOf(result));
    this.unsaved.push([`n:${node.id}`, resultText(result)]);
  }

  /** Returns what is to be stored, once. */
  takeUnsaved(): Field[] {
    const fields = this.unsaved;
    this.unsaved = [];
    return fields;
  }
}

export function failureJson({ code, message }: NodeFailure): string {
  return JSON.stringify({ code, message });
}

function textsOf({ state, json }: NodeResult): { output: string; error?: string } {
  return state === "failed" ? { output: "null", error: json } : { output: json };
}
