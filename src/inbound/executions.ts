// What the receiving half asks of the running half: accept a verified request, wait for its end. Outputs are
// JSON text throughout, for what is only passed on is never parsed and written again.
import type { JsonText } from "../expressions/problem.ts";
import type { ExecutionError } from "../wire/workflow/execution.ts";
import type { ResponseMode } from "../wire/workflow/trigger.ts";

/** A request that was verified and is valid JSON in UTF-8, not nested too deeply. */
export interface ExecutionRequest {
  workflowId: string;
  /** The revision that its sender's request met; the execution keeps it. */
  revision: number;
  /** The body as JSON text, exactly as it came; of a form, the JSON object that was made of it. */
  body: Uint8Array;
  /** The same as text, where the caller has it. */
  text?: JsonText;
  /** By queryJson(); null where the request had no query. */
  query: JsonText | null;
  /** By headersJson(): without credentials and signatures. */
  headers: JsonText;
  mode: ResponseMode;
  /** Started by the operator, without a signature. */
  isTest: boolean;
  /** The same key with the same fingerprint gets the first execution; null for none. */
  idempotency: { key: string; fingerprint: string } | null;
}

export type Accepted =
  /**
   * `first` is false where the key was seen before: `executionId` is that of the first request. `waited` is there
   * where it has ended already.
   */
  | { kind: "accepted"; executionId: string; first: boolean; waited?: Waited }
  /** The key was seen with another body. */
  | { kind: "key-reused"; executionId: string };

export interface NodeOutput {
  id: string;
  name: string;
  /** `"null"` for a node that was skipped, has failed or has not run. */
  output: JsonText;
  /** Its place in the order in which the nodes run; null if it did not run. The highest is `lastNode`'s. */
  turn: number | null;
}

export type Waited =
  | { kind: "finished"; nodes: readonly NodeOutput[] }
  | { kind: "failed"; error: ExecutionError }
  | { kind: "cancelled" }
  | { kind: "timed-out" }
  /** It ended and was removed since. */
  | { kind: "gone" };

export interface WaitOptions {
  timeoutMs: number;
  /** Aborted when the client leaves or the process stops: resolves to `timed-out` at once. */
  signal: AbortSignal;
}

/** Every method may throw ValkeyUnavailable or ValkeyFull. */
export interface Executions {
  /** Resolves when Valkey has it. Requests of the same turn of the event loop go in one script. */
  accept(request: ExecutionRequest): Promise<Accepted>;
  /** Waits for an execution to end, on whichever replica it runs. */
  waitFor(executionId: string, options: WaitOptions): Promise<Waited>;
  /** Returns the execution as GET /v1/executions/{id} answers it, or null. */
  executionJson(executionId: string): Promise<JsonText | null>;
  /** The process stops: whoever waits, now or later, resolves to `timed-out` at once. */
  release(): void;
}
