// Where the paths of an expression may begin. Each root is one JSON text, so that a value can be cut out of
// it, and only the texts that a computed expression uses are parsed.
import type { JsonPath } from "../wire/json-path.ts";
import type { ProblemCode } from "./problem.ts";

/** The keys of a root: `["trigger", "data"]`, `["nodes", "a", "output"]`. */
export type Root = readonly string[];

export interface RootFault {
  code: ProblemCode;
  message: string;
}

/** The roots of one kind of expression. */
export interface Roots {
  /** The names that the roots begin with: `trigger`, `nodes`, `execution`. */
  names: readonly string[];
  /** Returns the root that `path` begins with, or why there is none. */
  find(path: JsonPath): Root | RootFault;
  /** Whether a path that leads nowhere is null and no error (docs/expressions.md, "Unknown paths"). */
  isNullable(path: JsonPath): boolean;
}

/** The nodes of a workflow as one of them, or its trigger, sees them. */
export interface NodeNames {
  all: ReadonlySet<string>;
  /** Those that have ended before this one begins. */
  before: ReadonlySet<string>;
}

const TRIGGER_DATA: Root = ["trigger", "data"];
const TRIGGER_QUERY: Root = ["trigger", "data", "_query"];
const TRIGGER_HEADERS: Root = ["trigger", "headers"];
const EXECUTION_ID: Root = ["execution", "id"];
const WORKFLOW_NAMES = ["trigger", "nodes", "execution"] as const;

/** The roots of what a workflow's node says. */
export function workflowRoots(nodes: NodeNames): Roots {
  return {
    names: WORKFLOW_NAMES,
    find: (path) => findWorkflowRoot(path, nodes),
    isNullable: ([, first, second, ...more]) =>
      // Which query parameters and headers come is the sender's choice.
      (first === "data" && second === "_query" && more.length === 1) ||
      (first === "headers" && second !== undefined && more.length === 0),
  };
}

function findWorkflowRoot(path: JsonPath, nodes: NodeNames): Root | RootFault {
  const [first, second, third] = path;
  if (first === "trigger") {
    if (second === "data") return third === "_query" ? TRIGGER_QUERY : TRIGGER_DATA;
    if (second === "headers") return TRIGGER_HEADERS;
    return unknown(path.slice(0, 2), "trigger.data and trigger.headers");
  }
  if (first === "execution") {
    return second === "id" ? EXECUTION_ID : unknown(path.slice(0, 2), "execution.id");
  }
  if (first === "nodes") return findNodeRoot(second, third, nodes);
  return unknown(path.slice(0, 1), "trigger, nodes and execution");
}

function findNodeRoot(
  id: string | number | undefined,
  part: string | number | undefined,
  nodes: NodeNames,
): Root | RootFault {
  if (typeof id !== "string") return unknown(["nodes"], "nodes.<id>.output and nodes.<id>.error");
  if (!nodes.all.has(id)) {
    // `nodes.my-node.output` is a subtraction in CEL.
    const hyphenated = [...nodes.all].find((known) => known.startsWith(`${id}-`));
    const hint = hyphenated === undefined ? "" : `; write nodes["${hyphenated}"] for ${hyphenated}`;
    return { code: "unknown-node", message: `there is no node ${JSON.stringify(id)}${hint}` };
  }
  if (!nodes.before.has(id)) {
    return {
      code: "node-not-before",
      message: `the node ${id} does not come before this one (by "after")`,
    };
  }
  if (part === "output" || part === "error") return ["nodes", id, part];
  return unknown(
    part === undefined ? ["nodes", id] : ["nodes", id, part],
    `nodes.${id}.output and nodes.${id}.error`,
  );
}

const EVENT_FIELDS = ["id", "event", "timestamp", "user_id", "org_id", "data"] as const;
export type EventField = (typeof EVENT_FIELDS)[number];

/** The roots of a filter on an outbound webhook. */
export const FILTER_ROOTS: Roots = {
  names: ["event"],
  find([first, second]) {
    if (first !== "event") return unknown([first ?? ""], "event");
    const field = EVENT_FIELDS.find((name) => name === second);
    if (field !== undefined) return ["event", field];
    return unknown(
      second === undefined ? ["event"] : ["event", second],
      EVENT_FIELDS.map((name) => `event.${name}`).join(", "),
    );
  },
  isNullable: () => false,
};

function unknown(found: JsonPath, accepted: string): RootFault {
  return {
    code: "unknown-root",
    message: `${found.join(".")} is not a value that an expression can use; there are ${accepted}`,
  };
}

export function isRootFault(found: Root | RootFault): found is RootFault {
  return "code" in found;
}
