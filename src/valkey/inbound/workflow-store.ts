// Stores the workflows: one hash (workflow id → record), one key for each revision of their nodes, and notices
// on the stream of changes, which every replica follows.
import type { WorkflowRecord, WorkflowRevision } from "../../wire/workflow/workflow.ts";
import { parseExactJson } from "../../wire/exact-json.ts";
import { MAX_CHANGES } from "../connection/change-stream.ts";
import type { StoreLink } from "../connection/link.ts";
import { Script } from "../connection/script.ts";
import { inboundKeys, sharedKeys, type InboundKeys } from "../keys.ts";
import deleteText from "../scripts/delete-workflow.lua" with { type: "text" };
import saveText from "../scripts/save-workflow.lua" with { type: "text" };
import { SecretBox } from "../webhooks/secret-box.ts";
import type { SealedPage } from "../webhooks/webhook-store.ts";
import { hasCurrentWorkflowSeal, openWorkflow, sealWorkflow } from "./sealed-workflow.ts";

const saveScript = new Script(saveText);
const deleteScript = new Script(deleteText);

/** The kind of a workflow's change on the stream. */
export const WORKFLOW_CHANGED = "workflow";
/** How many are read at once; between two pages, other work runs. */
const READ_AT_ONCE = 100;

export interface WorkflowStoreOptions {
  box?: SecretBox;
  maxWorkflows: number;
  /** How long a revision that no execution uses is kept: an ended execution may be retried that long. */
  unusedRevisionMs: number;
  /** Called for a workflow that cannot be opened here or is damaged, each time that it is read. */
  onUnreadable?: (id: string, why: "damaged" | "sealed") => void;
}

export type WorkflowCreated = { created: true } | { created: false; why: "full" | "duplicate" };

export type WorkflowUpdated =
  { updated: WorkflowRecord } | { updated: null; why: "missing" | "unreadable" };

/** Every method may throw ValkeyUnavailable. */
export class WorkflowStore {
  readonly #keys: InboundKeys;
  readonly #changes: string;
  readonly #box: SecretBox;

  constructor(
    private readonly link: StoreLink,
    prefix: string,
    private readonly options: WorkflowStoreOptions,
  ) {
    this.#keys = inboundKeys(prefix);
    this.#changes = sharedKeys(prefix).changes;
    this.#box = options.box ?? new SecretBox([]);
  }

  async create(record: WorkflowRecord): Promise<WorkflowCreated> {
    const text = await sealWorkflow(record, this.#box, Date.now());
    const saved = await this.#save(record, { text, replaces: "", from: null });
    if (saved === "saved") return { created: true };
    return { created: false, why: saved === "full" ? "full" : "duplicate" };
  }

  /** Returns null also for a record that was damaged in Valkey. */
  async get(id: string): Promise<WorkflowRecord | null> {
    const text = await this.#read(id);
    return text === null ? null : this.#open(id, text);
  }

  /** Returns the ids of all workflows, sorted. */
  async ids(): Promise<string[]> {
    const ids = await this.link.run((client) => client.hkeys(this.#keys.workflows));
    return ids.toSorted();
  }

  /** Returns those of these workflows that there are and that can be read, in this order. */
  async getAll(ids: readonly string[]): Promise<WorkflowRecord[]> {
    if (ids.length === 0) return [];
    const texts = await this.link.run((client) => client.hmget(this.#keys.workflows, ...ids));
    const records = await Promise.all(
      ids.map(async (id, at) => {
        const text = texts[at] ?? null;
        return text === null ? null : this.#open(id, text);
      }),
    );
    return records.filter((record) => record !== null);
  }

  /** Reads all workflows, page by page. */
  async *pages(): AsyncGenerator<WorkflowRecord[]> {
    const ids = await this.ids();
    for (let at = 0; at < ids.length; at += READ_AT_ONCE) {
      yield await this.getAll(ids.slice(at, at + READ_AT_ONCE));
    }
  }

  /** Returns a number that grows with every change of any workflow. */
  async version(): Promise<number> {
    return Number((await this.link.run((client) => client.get(this.#keys.version))) ?? 0);
  }

  /**
   * Changes a workflow. `change` runs again on the new record if another process changed it meanwhile; null
   * from it changes nothing.
   */
  async update(
    id: string,
    change: (current: WorkflowRecord) => WorkflowRecord | null,
  ): Promise<WorkflowUpdated> {
    for (;;) {
      const before = await this.#read(id);
      if (before === null) return { updated: null, why: "missing" };
      const opened = await openWorkflow(before, id, this.#box);
      if (opened === null) return { updated: null, why: "unreadable" };
      const next = change(opened.record);
      if (next === null) return { updated: opened.record };
      const text = await sealWorkflow(next, this.#box, Date.now(), { opened, before });
      const saved = await this.#save(next, { text, replaces: before, from: opened.record });
      if (saved === "saved") return { updated: next };
    }
  }

  /** Returns false if there was none. Executions that are under way go on. */
  async delete(id: string): Promise<boolean> {
    for (;;) {
      const text = await this.#read(id);
      if (text === null) return false;
      // A damaged record can be deleted too.
      const revision = (await openWorkflow(text, id, this.#box))?.record.revision ?? 0;
      const { workflows, newestRevisions, revisionUses, version } = this.#keys;
      const [verdict] = (await this.link.run((client) =>
        deleteScript.run(
          client,
          [workflows, newestRevisions, revisionUses, this.#keys.revision(id, revision), version],
          [id, text, revision, this.options.unusedRevisionMs],
        ),
      )) as [Buffer];
      if (String(verdict) !== "deleted") continue;
      await this.#announce(id);
      return true;
    }
  }

  /** Returns what executions need of a revision, or null where there is none any more. */
  async revision(workflowId: string, revision: number): Promise<WorkflowRevision | null> {
    const key = this.#keys.revision(workflowId, revision);
    const text = await this.link.run((client) => client.get(key));
    return text === null ? null : (parseExactJson(text) as WorkflowRevision);
  }

  /** Seals a page of workflows that are stored in plain or under an older key. */
  async sealPage(after: string | null): Promise<SealedPage> {
    const ids = (await this.ids()).filter((id) => after === null || id > after);
    const page = ids.slice(0, READ_AT_ONCE);
    const outcomes = await Promise.all(page.map((id) => this.#sealAgain(id)));
    return {
      next: ids.length > page.length ? (page.at(-1) ?? null) : null,
      sealed: outcomes.filter((outcome) => outcome === "sealed").length,
      unreadable: outcomes.filter((outcome) => outcome === "unreadable").length,
    };
  }

  async #sealAgain(id: string): Promise<"current" | "sealed" | "unreadable"> {
    for (;;) {
      const before = await this.#read(id);
      if (before === null || hasCurrentWorkflowSeal(before, this.#box)) return "current";
      const opened = await openWorkflow(before, id, this.#box);
      if (opened === null || opened.isUnreadable) return "unreadable";
      const text = await sealWorkflow(opened.record, this.#box, Date.now(), { opened, before });
      const saved = await this.#save(opened.record, {
        text,
        replaces: before,
        from: opened.record,
      });
      if (saved === "saved") return "sealed";
    }
  }

  async #open(id: string, text: string): Promise<WorkflowRecord | null> {
    const opened = await openWorkflow(text, id, this.#box);
    if (opened === null) this.options.onUnreadable?.(id, "damaged");
    else if (opened.isUnreadable) this.options.onUnreadable?.(id, "sealed");
    return opened?.record ?? null;
  }

  #read(id: string): Promise<string | null> {
    return this.link.run((client) => client.hget(this.#keys.workflows, id));
  }

  async #save(
    record: WorkflowRecord,
    { text, replaces, from }: { text: string; replaces: string; from: WorkflowRecord | null },
  ): Promise<"saved" | "full" | "changed"> {
    const { workflows, newestRevisions, revisionUses, version } = this.#keys;
    const { id } = record;
    const isNewRevision = from === null || from.revision !== record.revision;
    const before = from?.revision ?? 0;
    const [verdict] = (await this.link.run((client) =>
      saveScript.run(
        client,
        [
          workflows,
          newestRevisions,
          revisionUses,
          this.#keys.revision(id, record.revision),
          this.#keys.revision(id, before),
          version,
        ],
        [
          id,
          replaces,
          text,
          isNewRevision ? record.revision : "",
          isNewRevision ? JSON.stringify(revisionOf(record)) : "",
          before,
          this.options.unusedRevisionMs,
          this.options.maxWorkflows,
        ],
      ),
    )) as [Buffer];
    const saved = String(verdict) as "saved" | "full" | "changed";
    if (saved === "saved") await this.#announce(id);
    return saved;
  }

  async #announce(id: string): Promise<void> {
    await this.link.run((client) =>
      client.xadd(this.#changes, "MAXLEN", "~", MAX_CHANGES, "*", WORKFLOW_CHANGED, id),
    );
  }
}

function revisionOf(record: WorkflowRecord): WorkflowRevision {
  return {
    workflow_id: record.id,
    revision: record.revision,
    name: record.name,
    concurrency: record.trigger.concurrency,
    nodes: record.nodes,
  };
}
