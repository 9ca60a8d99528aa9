// An execution as its hash in Valkey has it: what it was begun with, its state, the result of each node that has
// ended (`n:<node>`), what a node waits for (`w:<node>`) and the answer to a task (`a:<node>`).
import type { ExecutionError, ExecutionState, NodeState } from "../../wire/workflow/execution.ts";
import { EXECUTION_STATES } from "../../wire/workflow/execution.ts";
import type { ResponseMode } from "../../wire/workflow/trigger.ts";

/** How a node has ended. `json` is its output or, where it has failed, its error. */
export interface NodeResult {
  state: Extract<NodeState, "finished" | "failed" | "skipped">;
  attempts: number;
  startedMs: number;
  durationMs: number;
  json: string;
}

/** What a node waits for: the answer to a task, or the time of its next attempt. */
export interface NodeWait {
  kind: "task" | "retry";
  /** The attempt that is under way, or that comes next. */
  attempt: number;
  startedMs: number;
  dueMs: number;
}

/** What a user's program has answered to a task. */
export type TaskAnswer =
  { kind: "output"; json: string } | { kind: "error"; mayRetry: boolean; message: string };

export interface ExecutionFacts {
  workflowId: string;
  revision: number;
  mode: ResponseMode;
  isTest: boolean;
  state: ExecutionState;
  /** Counts how often it was begun: once, and with each `retry`. */
  run: number;
  acceptedMs: number;
  startedMs: number | null;
  endedMs: number | null;
  error: ExecutionError | null;
}

export interface StoredExecution extends ExecutionFacts {
  body: string;
  query: string | null;
  headers: string;
  results: Map<string, NodeResult>;
  waits: Map<string, NodeWait>;
  answers: Map<string, TaskAnswer>;
}

/** The fields of `ExecutionFacts`, in the order in which `readFacts` takes them. */
export const FACT_FIELDS = [
  "workflow",
  "revision",
  "mode",
  "test",
  "run",
  "at",
  "started",
  "ended",
  "error",
] as const;

type Values = Record<string, Buffer | null | undefined>;

/** @throws Error if it is not one: other programs can write the keys */
export function readFacts(values: Values): ExecutionFacts {
  const text = (field: string) => values[field]?.toString() ?? "";
  const time = (field: string) => (values[field] ? Number(text(field)) : null);
  const state = EXECUTION_STATES.find((one) => one === text("state"));
  if (state === undefined || text("workflow") === "") throw new Error("it is no execution");
  const error = text("error");
  return {
    workflowId: text("workflow"),
    revision: Number(text("revision")),
    mode: text("mode") as ResponseMode,
    isTest: text("test") === "1",
    state,
    run: Number(text("run")),
    acceptedMs: Number(text("at")),
    startedMs: time("started"),
    endedMs: time("ended"),
    error: error === "" ? null : (JSON.parse(error) as ExecutionError),
  };
}

/** Returns null if it is not one. */
export function tryReadFacts(values: Values): ExecutionFacts | null {
  try {
    return readFacts(values);
  } catch {
    return null;
  }
}

/** @throws Error if it is not one */
export function readExecution(values: Values): StoredExecution {
  const execution: StoredExecution = {
    ...readFacts(values),
    body: values.body?.toString() ?? "null",
    query: values.query?.length ? values.query.toString() : null,
    headers: values.headers?.toString() ?? "{}",
    results: readResults(values),
    waits: new Map(),
    answers: new Map(),
  };
  for (const [field, value] of Object.entries(values)) {
    if (value == null || field[1] !== ":" || field.startsWith("n:")) continue;
    const node = field.slice(2);
    const text = value.toString();
    const lineEnd = text.indexOf("\n");
    const words = text.slice(0, lineEnd).split(" ");
    if (field.startsWith("w:")) execution.waits.set(node, readWait(words));
    else if (field.startsWith("a:")) execution.answers.set(node, readAnswer(words, text, lineEnd));
  }
  return execution;
}

export function readResults(values: Values): Map<string, NodeResult> {
  const results = new Map<string, NodeResult>();
  for (const [field, value] of Object.entries(values)) {
    if (value == null || !field.startsWith("n:")) continue;
    results.set(field.slice("n:".length), readResult(value.toString()));
  }
  return results;
}

export function resultText(result: NodeResult): string {
  const { state, attempts, startedMs, durationMs, json } = result;
  return `${state} ${attempts} ${startedMs} ${durationMs}\n${json}`;
}

function readResult(text: string): NodeResult {
  const lineEnd = text.indexOf("\n");
  const [state, attempts, startedMs, durationMs] = text.slice(0, lineEnd).split(" ");
  return {
    state: state as NodeResult["state"],
    attempts: Number(attempts),
    startedMs: Number(startedMs),
    durationMs: Number(durationMs),
    json: text.slice(lineEnd + 1),
  };
}

/** `answers-apply.lua` reads the kind and the attempt. */
export function waitText({ kind, attempt, startedMs, dueMs }: NodeWait): string {
  return `${kind} ${attempt} ${startedMs} ${dueMs}\n`;
}

function readWait([kind, attempt, startedMs, dueMs]: readonly string[]): NodeWait {
  return {
    kind: kind === "task" ? "task" : "retry",
    attempt: Number(attempt),
    startedMs: Number(startedMs),
    dueMs: Number(dueMs),
  };
}

export function answerText(answer: TaskAnswer): string {
  if (answer.kind === "output") return `output\n${answer.json}`;
  return `error ${answer.mayRetry ? "retry" : "final"}\n${answer.message}`;
}

function readAnswer(words: readonly string[], text: string, lineEnd: number): TaskAnswer {
  const [kind, which] = words;
  const rest = text.slice(lineEnd + 1);
  if (kind === "output") return { kind, json: rest };
  return { kind: "error", mayRetry: which === "retry", message: rest };
}
