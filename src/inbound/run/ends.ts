// Reads what an execution has come to, for who waits for it: only its facts and what its nodes gave, a few at a time.
// Outputs may be large, and many may wait for their ends at once.
import type { ExecutionStore } from "../../valkey/inbound/execution-store.ts";
import type { ExecutionFacts } from "../../valkey/inbound/stored-execution.ts";
import { ENDED_STATES } from "../../wire/workflow/execution.ts";
import type { Waited } from "../executions.ts";
import { outputsOf } from "./outputs.ts";
import type { Revisions } from "./revisions.ts";

/** Valkey keeps what it sends until it is read: as much as this many executions have given. */
const MAX_READS_AT_ONCE = 8;

export class Ends {
  private reading = 0;
  private readonly queue: (() => void)[] = [];

  constructor(
    private readonly store: Pick<ExecutionStore, "read" | "readFacts" | "readResults">,
    private readonly revisions: Pick<Revisions, "get">,
  ) {}

  /** Returns null where it has not ended. */
  async read(id: string): Promise<Waited | null> {
    const facts = await this.store.readFacts(id);
    if (facts === null) return { kind: "gone" };
    const { state, error } = facts;
    if (!ENDED_STATES.has(state)) return null;
    if (state === "cancelled") return { kind: "cancelled" };
    if (state === "failed") {
      const unknown = { node_id: null, code: "failed", message: "the execution has failed" };
      return { kind: "failed", error: error ?? unknown };
    }
    return this.readFinished(id, facts);
  }

  private async readFinished(id: string, facts: ExecutionFacts): Promise<Waited> {
    const revision = await this.revisions.get(facts.workflowId, facts.revision);
    await this.begin();
    try {
      if ("fault" in revision) return await this.withoutNames(id);
      const ids = revision.names.map((name) => name.id);
      const results = await this.store.readResults(id, ids);
      return { kind: "finished", nodes: outputsOf(revision.names, results) };
    } finally {
      this.reading -= 1;
      this.queue.shift()?.();
    }
  }

  /** Another version has run it, or its revision is no longer stored: only what the nodes gave is known. */
  private async withoutNames(id: string): Promise<Waited> {
    const execution = await this.store.read(id);
    if (execution === null) return { kind: "gone" };
    const names = [...execution.results.keys()].map((name, turn) => ({ id: name, name, turn }));
    return { kind: "finished", nodes: outputsOf(names, execution.results) };
  }

  private async begin(): Promise<void> {
    while (this.reading >= MAX_READS_AT_ONCE) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.queue.push(resolve);
      await promise;
    }
    this.reading += 1;
  }
}
