// The revisions of workflows, compiled. A revision never changes, so it is read and compiled once.
import { BoundedMap } from "../../bounded-map.ts";
import { retryWhileAway, type Reconnecting } from "../../valkey/connection/retry.ts";
import type { WorkflowStore } from "../../valkey/inbound/workflow-store.ts";
import type { WorkflowRevision } from "../../wire/workflow/workflow.ts";
import { compileNodes, type CompiledNode } from "../compile.ts";
import { isPure } from "./nodes/pure.ts";
import type { NodeName } from "./outputs.ts";

export interface RunnableRevision {
  /** A node comes behind all that it waits for. */
  nodes: readonly CompiledNode[];
  /** In the order of the workflow. */
  names: readonly NodeName[];
  /** No node has an effect. */
  isPure: boolean;
}

/** Why a revision cannot be run. */
export type RevisionFault = { fault: string };

/** A revision may have 256 KiB, and takes more when compiled. */
const MAX_REVISIONS = 256;
const MAX_WORKFLOWS = 10_000;

export class Revisions {
  private readonly compiled = new BoundedMap<string, RunnableRevision | RevisionFault>(
    MAX_REVISIONS,
  );
  private readonly reading = new Map<string, Promise<RunnableRevision | RevisionFault>>();
  /** By workflow: how many of its executions may run at once, by the newest revision that was read. */
  private readonly concurrency = new BoundedMap<string, { revision: number; max: number }>(
    MAX_WORKFLOWS,
  );

  constructor(
    private readonly store: Pick<WorkflowStore, "revision">,
    private readonly link: Reconnecting,
  ) {}

  /** 1 for a workflow of which no revision was read yet. */
  maxOf(workflowId: string): number {
    return this.concurrency.get(workflowId)?.max ?? 1;
  }

  peek(workflowId: string, revision: number): RunnableRevision | RevisionFault | null {
    return this.compiled.get(`${workflowId}:${revision}`) ?? null;
  }

  /** Outages end by themselves. @throws ValkeyUnavailable if the link is closed */
  get(workflowId: string, revision: number): Promise<RunnableRevision | RevisionFault> {
    const key = `${workflowId}:${revision}`;
    const known = this.compiled.get(key);
    if (known) return Promise.resolve(known);
    const reading = this.reading.get(key) ?? this.read(workflowId, revision);
    this.reading.set(key, reading);
    return reading.finally(() => this.reading.delete(key));
  }

  private async read(
    workflowId: string,
    revision: number,
  ): Promise<RunnableRevision | RevisionFault> {
    const stored = await retryWhileAway(this.link, () => this.store.revision(workflowId, revision));
    // It may come yet: an execution is not accepted for one that was never there.
    if (stored === null) return { fault: `revision ${revision} of the workflow is not stored` };
    const runnable = compile(stored);
    this.compiled.set(`${workflowId}:${revision}`, runnable);
    if ((this.concurrency.get(workflowId)?.revision ?? 0) <= revision) {
      this.concurrency.set(workflowId, { revision, max: stored.concurrency });
    }
    return runnable;
  }
}

function compile({ nodes }: WorkflowRevision): RunnableRevision | RevisionFault {
  const compiled = compileNodes(nodes);
  if (!compiled.ok) {
    const [first] = compiled.faults;
    return { fault: `the workflow's ${first?.field} cannot be run: ${first?.message}` };
  }
  const turns = new Map(compiled.nodes.map(({ id }, turn) => [id, turn]));
  const names = nodes.map(({ id, name }) => ({ id, name: name ?? id, turn: turns.get(id) ?? 0 }));
  return { nodes: compiled.nodes, names, isPure: compiled.nodes.every(isPure) };
}
