// The executions of workflows in Valkey. They are claimed and settled by the queue's own scripts; here is what is
// theirs alone: the hash of each, the indexes of them, and when they are removed.
import type { ExecutionState } from "../../wire/workflow/execution.ts";
import type { ResponseMode } from "../../wire/workflow/trigger.ts";
import type { StoreLink } from "../connection/link.ts";
import { Script, type ScriptArgument, type ScriptReply } from "../connection/script.ts";
import { inboundKeys, queueKeys, type InboundKeys } from "../keys.ts";
import acceptText from "../scripts/execution-accept.lua" with { type: "text" };
import advanceText from "../scripts/execution-advance.lua" with { type: "text" };
import cancelText from "../scripts/execution-cancel.lua" with { type: "text" };
import endText from "../scripts/execution-end.lua" with { type: "text" };
import listText from "../scripts/execution-list.lua" with { type: "text" };
import retryText from "../scripts/execution-retry.lua" with { type: "text" };
import sweepText from "../scripts/execution-sweep.lua" with { type: "text" };
import {
  FACT_FIELDS,
  readExecution,
  readFacts,
  readResults,
  tryReadFacts,
  type ExecutionFacts,
  type NodeResult,
  type StoredExecution,
} from "./stored-execution.ts";

const acceptScript = new Script(acceptText, endText);
const advanceScript = new Script(advanceText, endText);
const cancelScript = new Script(cancelText, endText);
const listScript = new Script(listText);
const retryScript = new Script(retryText);
const sweepScript = new Script(sweepText, endText);

export interface NewExecution {
  id: string;
  workflowId: string;
  revision: number;
  mode: ResponseMode;
  isTest: boolean;
  /** The process that waits for its end; null for none. */
  replica: string | null;
  query: string | null;
  headers: string;
  body: Buffer | string;
  /** `keyHash` of the request's idempotency key. */
  idempotency: { keyHash: string; fingerprint: string } | null;
  /** What it has come to already; null where it is still to run. */
  ended: EndedExecution | null;
}

/** How an execution has ended that ran before it was stored. */
export interface EndedExecution {
  state: "finished" | "failed";
  /** JSON of the error that it has failed with, or "". */
  error: string;
  results: readonly (readonly [field: string, value: string])[];
}

export type AcceptReply =
  | { kind: "new" }
  /** The key was seen with the same fingerprint, or with another one. */
  | { kind: "again" | "reused"; executionId: string };

/** What a run of an execution stores, fenced by its claim. */
export interface Advance {
  worker: string;
  claim: string;
  id: string;
  /** Of the execution; it is not stored again. */
  workflowId: string;
  /** Number of the run: a retry begins another one. */
  run: number;
  state: Exclude<ExecutionState, "queued" | "cancelled">;
  startedMs: number;
  /** JSON of the error that it has failed with, or "". */
  error: string;
  set: readonly (readonly [field: string, value: string])[];
  remove: readonly string[];
}

/** `lost`: somebody else has the claim. A state: it had ended before. */
export type AdvanceReply = "ok" | "lost" | "gone" | "finished" | "failed" | "cancelled";

export interface EndedLimits {
  maxExecutions: number;
  maxBytes: number;
  ttlMs: number;
}

/** The place of an execution in the list: when it was accepted, and its id. */
export interface ListPosition {
  acceptedMs: string;
  id: string;
}

export type ListedExecution = ExecutionFacts & { id: string };

export type CancelReply = "cancelled" | "gone" | "finished" | "failed" | "was-cancelled";
export type RetryReply = "retried" | "gone" | "revision-gone" | ExecutionState;

const NEW: AcceptReply = { kind: "new" };

/** One step of a sweep: Valkey does nothing else meanwhile. */
const MAX_SWEPT_AT_ONCE = 256;

export class ExecutionStore {
  readonly keys: InboundKeys;
  readonly base: string;

  constructor(
    private readonly link: StoreLink,
    prefix: string,
    private readonly limits: EndedLimits & { idempotencyTtlMs: number },
  ) {
    this.keys = inboundKeys(prefix);
    this.base = queueKeys(this.keys.queue).base;
  }

  /**
   * Stores executions, all or none. Those that have not ended are on the list then. @throws ValkeyFull at Valkey's
   * memory limit
   */
  async accept(executions: readonly NewExecution[]): Promise<AcceptReply[]> {
    const { keys, limits } = this;
    const args: ScriptArgument[] = [this.base, limits.idempotencyTtlMs, limits.ttlMs];
    for (const one of executions) {
      const { idempotency, ended } = one;
      args.push(one.id, one.workflowId, one.revision, one.mode, one.headers, one.body);
      args.push(ended?.state ?? "queued");
      if (idempotency === null) args.push("");
      else args.push(keys.seen(one.workflowId, idempotency.keyHash), idempotency.fingerprint);
      const count = args.push(0);
      if (one.isTest) args.push("test", "1");
      if (one.replica !== null) args.push("replica", one.replica);
      if (one.query !== null) args.push("query", one.query);
      if (ended !== null) {
        if (ended.error !== "") args.push("error", ended.error);
        for (const [field, value] of ended.results) args.push(field, value);
      }
      args[count - 1] = args.length - count;
    }
    const reply = await this.link.run((client) => acceptScript.run(client, [keys.queue], args));
    const replies = executions.map((): AcceptReply => NEW);
    const seen = reply as (number | Buffer)[];
    for (let at = 0; at + 1 < seen.length; at += 2) {
      const [kind, executionId = ""] = String(seen[at + 1]).split(" ");
      replies[Number(seen[at]) - 1] = { kind: kind as "again" | "reused", executionId };
    }
    return replies;
  }

  /** Returns the execution, or null where there is none. @throws Error if the key holds something else */
  async read(id: string): Promise<StoredExecution | null> {
    const values = await this.link.run((client) => client.hgetallBuffer(this.keys.execution(id)));
    return Object.keys(values).length === 0 ? null : readExecution(values);
  }

  async workflowOf(id: string): Promise<string | null> {
    return this.link.run((client) => client.hget(this.keys.execution(id), "workflow"));
  }

  /** Returns what is short of an execution, or null where there is none. @throws Error as `read` */
  async readFacts(id: string): Promise<ExecutionFacts | null> {
    const values = await this.fields(id, ["state", ...FACT_FIELDS]);
    return Object.values(values).every((value) => value === null) ? null : readFacts(values);
  }

  /** Returns the results of those of these nodes that have one. */
  async readResults(id: string, nodes: readonly string[]): Promise<Map<string, NodeResult>> {
    return readResults(
      await this.fields(
        id,
        nodes.map((node) => `n:${node}`),
      ),
    );
  }

  private async fields(
    id: string,
    names: readonly string[],
  ): Promise<Record<string, Buffer | null>> {
    const key = this.keys.execution(id);
    const found = await this.link.run((client) => client.hmgetBuffer(key, ...names));
    return Object.fromEntries(names.map((name, at) => [name, found[at] ?? null]));
  }

  /** Stores what runs have come to, each for itself. */
  async advance(advances: readonly Advance[]): Promise<AdvanceReply[]> {
    const args: ScriptArgument[] = [this.base, this.limits.ttlMs];
    for (const { worker, claim, id, run, state, startedMs, error, set, remove } of advances) {
      args.push(worker, claim, id, run, state, startedMs, error, set.length, ...set.flat());
      args.push(remove.length, ...remove);
    }
    const replies = await this.link.run((client) =>
      advanceScript.run(client, [this.keys.stats], args),
    );
    return (replies as Buffer[]).map((reply) => reply.toString() as AdvanceReply);
  }

  async cancel(id: string): Promise<CancelReply> {
    const reply = String(
      await this.link.run((client) =>
        cancelScript.run(client, [this.keys.stats], [this.base, id, this.limits.ttlMs]),
      ),
    );
    if (reply === "ended cancelled") return "was-cancelled";
    return reply.replace("ended ", "") as CancelReply;
  }

  /** Begins an execution again that has failed or was cancelled. @throws ValkeyFull */
  async retry(id: string): Promise<RetryReply> {
    const reply = await this.link.run((client) =>
      retryScript.run(client, [this.keys.queue], [this.base, id]),
    );
    return String(reply).replace("not ", "") as RetryReply;
  }

  /**
   * Returns a page of executions, newest first, and where it ended; `next` is null on the last page. It looks at
   * up to `maxLooks`, so a page may have fewer than `limit`, even none, and still a `next`.
   */
  async list(options: {
    workflowId: string | null;
    state: ExecutionState | null;
    after: ListPosition | null;
    limit: number;
    maxLooks: number;
  }): Promise<{ executions: ListedExecution[]; next: ListPosition | null }> {
    const { workflowId, state, after, limit, maxLooks } = options;
    const position = [after?.acceptedMs ?? "+inf", after?.id ?? ""];
    const [kind, lastAt, lastId, found] = (await this.link.run((client) =>
      listScript.run(
        client,
        [this.keys.executions(workflowId)],
        [this.base, ...position, limit, maxLooks, state ?? "", ...FACT_FIELDS],
      ),
    )) as [Buffer, Buffer, Buffer, ScriptReply[]];
    const executions: ListedExecution[] = [];
    for (let at = 0; at + 1 < found.length; at += 2) {
      const [foundState, ...facts] = found[at + 1] as (Buffer | null)[];
      const values = Object.fromEntries(FACT_FIELDS.map((field, nth) => [field, facts[nth]]));
      const read = tryReadFacts({ ...values, state: foundState });
      // One that another program has damaged hides no other.
      if (read !== null) executions.push({ id: String(found[at]), ...read });
    }
    const next = { acceptedMs: String(lastAt), id: String(lastId) };
    return { executions, next: String(kind) === "more" ? next : null };
  }

  /** Removes ended executions past their TTL or above a cap. Returns how many a cap has removed. */
  async sweep(): Promise<{ capped: number }> {
    const { maxExecutions, maxBytes, ttlMs } = this.limits;
    let capped = 0;
    for (let removed = MAX_SWEPT_AT_ONCE; removed === MAX_SWEPT_AT_ONCE;) {
      const reply = (await this.link.run((client) =>
        sweepScript.run(
          client,
          [this.keys.ended, this.keys.stats],
          [this.base, maxExecutions, maxBytes, ttlMs, MAX_SWEPT_AT_ONCE],
        ),
      )) as [number, number];
      removed = reply[0];
      capped += reply[1];
    }
    return { capped };
  }

  /** Whether any execution has not ended. */
  async hasUnended(): Promise<boolean> {
    return (await this.link.run((client) => client.exists(this.keys.revisionUses))) === 1;
  }
}
