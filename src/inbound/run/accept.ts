// The running half as the receiving half sees it: accepts executions in groups, and waits for their ends. What has
// no effect runs before it is stored (run-pure.ts).
import { hash, randomFillSync } from "node:crypto";
import type {
  ExecutionStore,
  AcceptReply,
  NewExecution,
} from "../../valkey/inbound/execution-store.ts";
import type { StoredExecution } from "../../valkey/inbound/stored-execution.ts";
import type { WorkerLog } from "../../log.ts";
import { GroupWriter } from "../../worker/settle/group.ts";
import type { Accepted, ExecutionRequest, Executions, Waited, WaitOptions } from "../executions.ts";
import type { ExecutionControl } from "../execution-control.ts";
import { logFailed } from "./log-failed.ts";
import type { Revisions } from "./revisions.ts";
import { mayRunFirst, runPureNodes, type PureEnd } from "./run-pure.ts";
import type { Waiters } from "./waiters.ts";

export interface AcceptOptions {
  store: Pick<ExecutionStore, "accept">;
  waiters: Waiters;
  control: Pick<ExecutionControl, "json">;
  revisions: Pick<Revisions, "get" | "peek">;
  maxOutputBytes: number;
  log: Pick<WorkerLog, "info">;
  /** The name of this process on its channel. */
  replica: string;
  /** Executions that this process will probably run need not be read from Valkey. */
  accepted: Map<string, StoredExecution>;
  /** Called with how many of a group ran before they were stored. */
  onEnded: (count: number) => void;
  now: () => number;
}

interface Entry {
  execution: NewExecution;
  /** Where it ran before it is stored. */
  end: PureEnd | null;
  resolve: (accepted: Accepted) => void;
  reject: (error: unknown) => void;
}

const MAX_IN_GROUP = 64;
const MAX_BYTES_IN_GROUP = 4 * 1024 * 1024;
/** While one group is under way, the next one waits this long for company. */
const GROUP_WAIT_MS = 1;
const ENOUGH_IN_GROUP = 8;
/** Longer bodies are read again. */
const MAX_KEPT_BYTES = 16 * 1024;
/** Longer bodies are written as they came: to make a text of one takes longer than to copy it. */
const MAX_BYTES_AS_TEXT = 4_096;

/** RFC 4648 §6, in lower case: 26 characters are 130 bits. */
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

const ID_BYTES = 26;
/** One call for many ids: each takes longer than its bytes. */
const pool = Buffer.alloc(ID_BYTES * 128);
let poolAt = pool.length;

export function newExecutionId(): string {
  if (poolAt === pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  let text = "exec-";
  // Five bits of each byte: all 32 characters are equally likely.
  for (const end = poolAt + ID_BYTES; poolAt < end; poolAt += 1) {
    text += BASE32[(pool[poolAt] ?? 0) & 31];
  }
  return text;
}

export class AcceptedExecutions implements Executions {
  /** Requests that wait to be stored. */
  inFlight = 0;
  private readonly groups: GroupWriter<Entry>;

  constructor(private readonly options: AcceptOptions) {
    this.groups = new GroupWriter({
      take: takeGroup,
      write: (group) => this.write(group),
      waitMs: GROUP_WAIT_MS,
      enough: ENOUGH_IN_GROUP,
    });
  }

  accept(request: ExecutionRequest): Promise<Accepted> {
    const { waiters, replica } = this.options;
    const { idempotency } = request;
    const id = newExecutionId();
    const body = Buffer.from(request.body.buffer, request.body.byteOffset, request.body.byteLength);
    const text = request.text ?? body.toString();
    const end = this.runFirst(id, request, text);
    // A test is waited for, whatever the mode.
    const isAwaited = end === null && (request.mode !== "minimal" || request.isTest);
    const execution: NewExecution = {
      id,
      workflowId: request.workflowId,
      revision: request.revision,
      mode: request.mode,
      isTest: request.isTest,
      replica: isAwaited ? replica : null,
      query: request.query,
      headers: request.headers,
      // As a text where it is ASCII: `requestOf` then needs no call for the length of each argument.
      body: body.length === text.length && body.length <= MAX_BYTES_AS_TEXT ? text : body,
      idempotency: idempotency && {
        keyHash: hash("sha256", idempotency.key),
        fingerprint: idempotency.fingerprint,
      },
      ended: end && end.ended,
    };
    if (isAwaited) waiters.expect(id);
    this.inFlight += 1;
    return new Promise((resolve, reject) => {
      this.groups.add({ execution, end, resolve, reject });
    });
  }

  /** Null for what is claimed and run like any other: it has an effect, is large, or its revision is not read yet. */
  private runFirst(executionId: string, request: ExecutionRequest, text: string): PureEnd | null {
    const { revisions, maxOutputBytes, now } = this.options;
    const { workflowId, revision: number, body, query, headers } = request;
    const revision = revisions.peek(workflowId, number);
    if (revision === null) {
      // For the next one. The link was closed if it fails.
      revisions.get(workflowId, number).catch(() => {});
      return null;
    }
    if ("fault" in revision || !mayRunFirst(revision, body.byteLength)) return null;
    const input = { body: text, query, headers, results: new Map() };
    return runPureNodes(revision, input, { executionId, maxOutputBytes }, now);
  }

  waitFor(executionId: string, options: WaitOptions): Promise<Waited> {
    return this.options.waiters.wait(executionId, options);
  }

  executionJson(executionId: string): Promise<string | null> {
    return this.options.control.json(executionId);
  }

  release(): void {
    this.options.waiters.release();
  }

  private async write(group: readonly Entry[]): Promise<void> {
    try {
      await this.store(group);
    } finally {
      this.inFlight -= group.length;
    }
  }

  private async store(group: readonly Entry[]): Promise<void> {
    let replies: AcceptReply[];
    try {
      replies = await this.options.store.accept(group.map(({ execution }) => execution));
    } catch (error) {
      for (const { execution, reject } of group) {
        this.options.waiters.forget(execution.id);
        reject(error);
      }
      return;
    }
    for (const [at, entry] of group.entries()) {
      entry.resolve(this.accepted(entry, replies[at] ?? { kind: "new" }));
    }
    const ended = group.reduce((count, { end }) => count + (end === null ? 0 : 1), 0);
    if (ended > 0) this.options.onEnded(ended);
  }

  private accepted({ execution, end }: Entry, reply: AcceptReply): Accepted {
    const { accepted, waiters, now, log } = this.options;
    const { id, body } = execution;
    if (reply.kind !== "new") {
      waiters.forget(id);
      const { executionId } = reply;
      return reply.kind === "again"
        ? { kind: "accepted", executionId, first: false }
        : { kind: "key-reused", executionId };
    }
    if (end === null) {
      if (body.length <= MAX_KEPT_BYTES) accepted.set(id, asStored(execution, now()));
      return { kind: "accepted", executionId: id, first: true };
    }
    if (end.error !== null) logFailed(log, id, end.error);
    const waited = execution.mode === "minimal" && !execution.isTest ? undefined : end.waited();
    return { kind: "accepted", executionId: id, first: true, waited };
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
