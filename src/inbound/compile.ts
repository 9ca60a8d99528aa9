// Compiles a workflow: when it is saved, so that every mistake is found then, and when it is run.
import { compileCondition, type Condition } from "../expressions/condition.ts";
import { compileExpression, type Expression } from "../expressions/expression.ts";
import type { Compiled, Problem } from "../expressions/problem.ts";
import { workflowRoots, type Roots } from "../expressions/roots.ts";
import { compileTemplate, type Template } from "../expressions/template.ts";
import {
  compileHeader,
  compileText,
  compileUrl,
  type TextTemplate,
} from "../expressions/text-template.ts";
import { parseDuration } from "../wire/duration.ts";
import { excerpt } from "../wire/excerpt.ts";
import { HTTP_METHODS, type WorkflowNode } from "../wire/workflow/node.ts";
import { orderNodes } from "./node-order.ts";

interface CompiledShared {
  id: string;
  /** The nodes that have to end before it begins: the one above it, where the author names none. */
  after: readonly string[];
  attempts: number;
  /** Before the second attempt; it doubles with each further one. */
  retryDelayMs: number;
  onError: "stop" | "continue";
}

export type CompiledNode = CompiledShared &
  (
    | { type: "set"; value: Template }
    | {
        type: "http";
        method: (typeof HTTP_METHODS)[number];
        url: TextTemplate;
        headers: readonly { name: string; value: TextTemplate }[];
        body: Template | null;
        timeoutMs: number;
        failOnStatus: boolean;
      }
    | {
        type: "event";
        userId: TextTemplate | null;
        orgId: TextTemplate | null;
        event: TextTemplate;
        data: Template;
      }
    | { type: "task"; task: string; input: Template | null; timeoutMs: number }
    | { type: "if"; condition: Condition }
  );

/** As an API answers it: `field` is a dotted path, `nodes.1.body.got`. */
export interface WorkflowFault {
  field: string;
  code: string;
  message: string;
}

export type WorkflowCompiled =
  /** A node comes behind all that it waits for; else in the order of the workflow. */
  { ok: true; nodes: readonly CompiledNode[] } | { ok: false; faults: WorkflowFault[] };

const DEFAULT_RETRY_DELAY_MS = 1_000;
const TASK_ATTEMPTS = 3;
const MAX_FAULTS = 100;

/** Compiles the nodes. Returns every fault, each with its field. */
export function compileNodes(nodes: readonly WorkflowNode[]): WorkflowCompiled {
  const ordered = orderNodes(nodes);
  if (!ordered.ok) return ordered;
  const { after, before, ids } = ordered.order;
  const all = new Set(nodes.map(({ id }) => id));
  const compiled = new Map<string, CompiledNode>();
  const faults: WorkflowFault[] = [];
  for (const [at, node] of nodes.entries()) {
    const roots = workflowRoots({ all, before: before.get(node.id) ?? new Set() });
    const compiler = new NodeCompiler(`nodes.${at}`, roots);
    const value = compiler.compile(node, after.get(node.id) ?? []);
    faults.push(...compiler.problems.map(faultOf));
    if (value !== null) compiled.set(node.id, value);
  }
  if (faults.length > 0) return { ok: false, faults: faults.slice(0, MAX_FAULTS) };
  return { ok: true, nodes: ids.flatMap((id) => compiled.get(id) ?? []) };
}

const NO_NODES = { all: new Set<string>(), before: new Set<string>() };

/** Compiles `trigger.idempotency`, which runs before any node. */
export function compileIdempotency(source: string): Compiled<Expression> {
  const place = { field: "trigger.idempotency", offset: 0 };
  return compileExpression(source, workflowRoots(NO_NODES), place);
}

export function faultOf({ field, code, message }: Problem | WorkflowFault): WorkflowFault {
  // Expressions name `nodes[1].body["a b"]`; the API names every field by dots.
  const dotted = field.replaceAll(/\[(?:(\d+)|"((?:[^"\\]|\\.)*)")\]/g, ".$1$2");
  return { field: dotted, code, message };
}

class NodeCompiler {
  readonly problems: WorkflowFault[] = [];

  constructor(
    private readonly field: string,
    private readonly roots: Roots,
  ) {}

  /** Returns null if `problems` has any. */
  compile(node: WorkflowNode, after: readonly string[]): CompiledNode | null {
    const shared: CompiledShared = {
      id: node.id,
      after,
      attempts: node.retry?.attempts ?? (node.type === "task" ? TASK_ATTEMPTS : 1),
      retryDelayMs: parseDuration(node.retry?.delay ?? "") ?? DEFAULT_RETRY_DELAY_MS,
      onError: node.on_error ?? "stop",
    };
    const own = this.own(node);
    return own === null ? null : ({ ...shared, ...own } as CompiledNode);
  }

  private own(node: WorkflowNode): object | null {
    switch (node.type) {
      case "set":
        return this.all({ type: "set", value: this.template(node.value, "value") });
      case "if":
        return this.all({ type: "if", condition: this.condition(node.condition) });
      case "task":
        return this.all({
          type: "task",
          task: node.task,
          input: this.optional(node.input, (value) => this.template(value, "input")),
          timeoutMs: node.timeout_ms,
        });
      case "event":
        return this.all({
          type: "event",
          userId: this.optional(node.user_id, (text) => this.text(text, "user_id")),
          orgId: this.optional(node.org_id, (text) => this.text(text, "org_id")),
          event: this.text(node.event, "event"),
          data: this.template(node.data, "data"),
        });
      case "http":
        return this.all({
          type: "http",
          method: node.method,
          url: this.value(compileUrl(node.url, `${this.field}.url`, this.roots)),
          headers: Object.entries(node.headers ?? {}).map(([name, value]) => ({
            name,
            value: this.value(compileHeader(value, `${this.field}.headers.${name}`, this.roots)),
          })),
          body: this.optional(node.body, (value) => this.template(value, "body")),
          timeoutMs: node.timeout_ms,
          failOnStatus: node.fail_on_status,
        });
      default:
        return this.unknownType(node);
    }
  }

  /** A later version has saved the workflow. Without this, its executions would crash here. */
  private unknownType({ type }: { type: string }): null {
    const message = `this version has no nodes of type ${excerpt(type)}`;
    this.problems.push({ code: "unknown-node-type", message, field: `${this.field}.type` });
    return null;
  }

  /** A field that could not be compiled has left a problem, and its value is not used. */
  private all(own: object): object | null {
    return this.problems.length > 0 ? null : own;
  }

  private optional<In, Out>(value: In | undefined, compile: (value: In) => Out): Out | null {
    return value === undefined ? null : compile(value);
  }

  private template(value: unknown, name: string): Template | null {
    return this.value(compileTemplate(JSON.stringify(value), `${this.field}.${name}`, this.roots));
  }

  private text(text: string, name: string): TextTemplate | null {
    return this.value(compileText(text, `${this.field}.${name}`, this.roots));
  }

  private condition(text: string): Condition | null {
    return this.value(compileCondition(text, `${this.field}.condition`, this.roots));
  }

  private value<T>(compiled: Compiled<T>): T | null {
    if (compiled.ok) return compiled.value;
    this.problems.push(...compiled.problems);
    return null;
  }
}
