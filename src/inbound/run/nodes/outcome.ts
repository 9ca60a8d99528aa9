// What a node has come to. What a remote side does is a value, never an exception.
import type { JsonText, Problem } from "../../../expressions/problem.ts";

export type NodeOutcome =
  | { kind: "finished"; json: JsonText }
  | NodeFailure
  /** Valkey was at its memory limit: the same attempt is made again. */
  | { kind: "full" };

export interface NodeFailure {
  kind: "failed";
  code: string;
  /** Shown to the sender: without addresses, stacks and secrets. */
  message: string;
  /** Whether another attempt may end otherwise. */
  mayRetry: boolean;
  /** The remote side did not answer in time, or not at all. */
  isOverload?: boolean;
}

/** An expression over the same data fails each time. */
export function expressionFailure({ code, message }: Problem): NodeFailure {
  return { kind: "failed", code, message, mayRetry: false };
}

export function failure(code: string, message: string, mayRetry = false): NodeFailure {
  return { kind: "failed", code, message, mayRetry };
}

/** What all nodes are given. */
export interface NodeContext {
  executionId: string;
  maxOutputBytes: number;
}
