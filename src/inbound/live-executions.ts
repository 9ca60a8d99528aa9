// Publishes which executions have changed for `GET /v1/stream` while somebody looks, and nothing otherwise: the reply to
// a heartbeat says whether somebody does. An execution that changes often within a tenth of a second is published
// once, and of very many only some are, so that a flood costs executions no more than a trickle.
import type {
  Advance,
  AdvanceReply,
  AcceptReply,
  NewExecution,
} from "../valkey/inbound/execution-store.ts";
import { executionsText, type LiveExecution } from "../wire/live-execution.ts";
import type { ExecutionState } from "../wire/workflow/execution.ts";

export interface LiveExecutionsOptions {
  /** Publishes to all processes. What cannot be published is dropped: guarantee 8. */
  publish: (text: string) => Promise<unknown>;
}

const PUBLISH_AFTER_MS = 100;
const MAX_IN_MESSAGE = 20;

interface Change {
  id: string;
  workflowId: string;
  state: ExecutionState;
  nodeId?: string;
}

export class LiveExecutions {
  isWatched = false;
  private timer: Timer | null = null;
  /** Since the last message, by id. */
  private changed = new Map<string, LiveExecution>();
  private missed = 0;

  constructor(private readonly options: LiveExecutionsOptions) {}

  /** Starts or ends publishing. */
  watch(isWatched: boolean): void {
    if (isWatched === this.isWatched) return;
    this.isWatched = isWatched;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.changed = new Map();
    this.missed = 0;
  }

  /** Call it only while `isWatched`. */
  add({ id, workflowId, state, nodeId = "" }: Change): void {
    if (!this.changed.has(id) && this.changed.size >= MAX_IN_MESSAGE) {
      this.missed += 1;
      return;
    }
    this.changed.set(id, {
      id,
      workflow_id: workflowId,
      state,
      node_id: nodeId === "" ? null : nodeId,
      timestamp: new Date().toISOString(),
    });
    this.timer ??= setTimeout(() => this.publish(), PUBLISH_AFTER_MS);
  }

  /** Returns a store that also says what was accepted. */
  accepting(store: Accepts): Accepts {
    return {
      accept: async (executions) => {
        const replies = await store.accept(executions);
        if (this.isWatched) {
          for (const [at, { id, workflowId, ended }] of executions.entries()) {
            const state = ended?.state ?? "queued";
            if (replies[at]?.kind === "new") this.add({ id, workflowId, state });
          }
        }
        return replies;
      },
    };
  }

  /** Returns a store that also says what was stored of runs. */
  advancing(store: Advances): Advances {
    return {
      advance: async (advances) => {
        const replies = await store.advance(advances);
        if (this.isWatched) {
          for (const [at, { id, workflowId, state }] of advances.entries()) {
            if (replies[at] === "ok") this.add({ id, workflowId, state });
          }
        }
        return replies;
      },
    };
  }

  private publish(): void {
    if (this.changed.size === 0) return;
    const text = executionsText({ executions: [...this.changed.values()], missed: this.missed });
    this.changed = new Map();
    this.missed = 0;
    this.options
      .publish(text)
      .catch(() => {
        // Valkey is away. The link reports it, and who looks reads the executions when it is back.
      })
      .finally(() => {
        this.timer = null;
        if (this.changed.size > 0) this.timer = setTimeout(() => this.publish(), PUBLISH_AFTER_MS);
      });
  }
}

interface Accepts {
  accept(executions: readonly NewExecution[]): Promise<AcceptReply[]>;
}

interface Advances {
  advance(advances: readonly Advance[]): Promise<AdvanceReply[]>;
}
