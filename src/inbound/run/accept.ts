// The running half as the receiving half sees it: accepts executions in groups, and waits for their ends.
import { hash, randomBytes } from "node:crypto";
import type {
  ExecutionStore,
  AcceptReply,
  NewExecution,
} from "../../valkey/inbound/execution-store.ts";
import type { StoredExecution } from "../../valkey/inbound/stored-execution.ts";
import { GroupWriter } from "../../worker/settle/group.ts";
import type { Accepted, ExecutionRequest, Executions, Waited, WaitOptions } from "../executions.ts";
import type { ExecutionControl } from "../execution-control.ts";
import type { Waiters } from "./waiters.ts";

export interface AcceptOptions {
  store: Pick<ExecutionStore, "accept">;
  waiters: Waiters;
  control: Pick<ExecutionControl, "json">;
  /** The name of this process on its channel. */
  replica: string;
  /** Executions that this process will probably run need not be read from Valkey. */
  accepted: Map<string, StoredExecution>;
  now: () => number;
}

interface Entry extends PromiseWithResolvers<AcceptReply> {
  execution: NewExecution;
}

const MAX_IN_GROUP = 64;
const MAX_BYTES_IN_GROUP = 4 * 1024 * 1024;
/** While one group is under way, the next one waits this long for company. */
const GROUP_WAIT_MS = 1;
const ENOUGH_IN_GROUP = 32;
/** Longer bodies are read again. */
const MAX_KEPT_BYTES = 16 * 1024;

/** RFC 4648 §6, in lower case: 26 characters for 128 bits. */
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

export function newExecutionId(): string {
  let text = "";
  let value = 0;
  let bits = 0;
  for (const byte of randomBytes(17)) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5 && text.length < 26) {
      bits -= 5;
      text += BASE32[(value >> bits) & 31];
    }
  }
  return `exec-${text}`;
}

export class AcceptedExecutions implements Executions {
  private readonly groups: GroupWriter<Entry>;

  constructor(private readonly options: AcceptOptions) {
    this.groups = new GroupWriter({
      take: takeGroup,
      write: (group) => this.write(group),
      waitMs: GROUP_WAIT_MS,
      enough: ENOUGH_IN_GROUP,
    });
  }

  async accept(request: ExecutionRequest): Promise<Accepted> {
    const { waiters, replica } = this.options;
    const id = newExecutionId();
    // A test is waited for, whatever the mode.
    const isAwaited = request.mode !== "minimal" || request.isTest;
    const { idempotency } = request;
    const execution: NewExecution = {
      id,
      workflowId: request.workflowId,
      revision: request.revision,
      mode: request.mode,
      isTest: request.isTest,
      replica: isAwaited ? replica : null,
      query: request.query,
      headers: request.headers,
      body: Buffer.from(request.body.buffer, request.body.byteOffset, request.body.byteLength),
      idempotency: idempotency && {
        keyHash: hash("sha256", idempotency.key),
        fingerprint: idempotency.fingerprint,
      },
    };
    if (isAwaited) waiters.expect(id);
    const entry = { execution, ...Promise.withResolvers<AcceptReply>() };
    this.groups.add(entry);
    let reply: AcceptReply | null = null;
    try {
      reply = await entry.promise;
    } finally {
      if (isAwaited && reply?.kind !== "new") waiters.forget(id);
    }
    if (reply.kind === "new") return { kind: "accepted", executionId: id, first: true };
    const { executionId } = reply;
    return reply.kind === "again"
      ? { kind: "accepted", executionId, first: false }
      : { kind: "key-reused", executionId };
  }

  waitFor(executionId: string, options: WaitOptions): Promise<Waited> {
    return this.options.waiters.wait(executionId, options);
  }

  executionJson(executionId: string): Promise<string | null> {
    return this.options.control.json(executionId);
  }

  private async write(group: readonly Entry[]): Promise<void> {
    const { store, accepted, now } = this.options;
    try {
      const replies = await store.accept(group.map(({ execution }) => execution));
      for (const [at, { execution, resolve, reject }] of group.entries()) {
        const reply = replies[at];
        if (reply === undefined) {
          reject(new Error("Valkey did not answer for this execution"));
          continue;
        }
        if (reply.kind === "new" && execution.body.length <= MAX_KEPT_BYTES) {
          accepted.set(execution.id, asStored(execution, now()));
        }
        resolve(reply);
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}

function takeGroup(pending: Entry[]): Entry[] {
  let length = 0;
  let bytes = 0;
  while (length < Math.min(MAX_IN_GROUP, pending.length)) {
    bytes += pending[length]?.execution.body.length ?? 0;
    if (length > 0 && bytes > MAX_BYTES_IN_GROUP) break;
    length += 1;
  }
  return pending.splice(0, length);
}

function asStored(execution: NewExecution, nowMs: number): StoredExecution {
  const { workflowId, revision, mode, isTest, query, headers, body } = execution;
  return {
    workflowId,
    revision,
    mode,
    isTest,
    query,
    headers,
    body: body.toString(),
    state: "queued",
    run: 1,
    acceptedMs: nowMs,
    startedMs: null,
    endedMs: null,
    error: null,
    results: new Map(),
    waits: new Map(),
    answers: new Map(),
  };
}
