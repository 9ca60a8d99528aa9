// What users do to workflows, with the rules that hold for every caller.
import type { WorkflowStore, WorkflowUpdated } from "../valkey/inbound/workflow-store.ts";
import { isJsonObject } from "../wire/json-object.ts";
import { newId } from "../wire/new-id.ts";
import { makeSecret } from "../wire/secret.ts";
import {
  MAX_WORKFLOW_BYTES,
  workflowInputSchema,
  type WorkflowCreate,
  type WorkflowInput,
  type WorkflowPatch,
  type WorkflowRecord,
} from "../wire/workflow/workflow.ts";
import { knownPart, withUnknown } from "../wire/workflow/stored-trigger.ts";
import { withoutSecret } from "./workflow-view.ts";
import { rotatedSecrets } from "./rotate-secret.ts";

export interface WorkflowFault {
  /** A dotted path: `nodes.1.body.got`. */
  field: string;
  code: string;
  message: string;
}

/** Finds what no schema can check: expressions that do not compile, cycles, nodes that do not exist. */
export type CheckWorkflow = (input: WorkflowInput) => Promise<WorkflowFault[]>;

export interface WorkflowControlOptions {
  workflows: WorkflowStore;
  check: CheckWorkflow;
  now: () => Date;
}

export type WorkflowCreateResult =
  | { created: true; record: WorkflowRecord }
  | { created: false; why: "full" | "duplicate" }
  | { created: false; why: "invalid"; errors: WorkflowFault[] };

export type WorkflowUpdateResult =
  | WorkflowUpdated
  | { updated: null; why: "invalid"; errors: WorkflowFault[] }
  /** It is not the version that the caller expects. */
  | { updated: null; why: "changed"; revision: number };

/** Returns whether the stored workflow is the version that the caller has read. */
export type IsExpected = (current: WorkflowRecord) => boolean;

/** Every method may throw ValkeyUnavailable. */
export class WorkflowControl {
  constructor(private readonly options: WorkflowControlOptions) {}

  async create(input: WorkflowCreate): Promise<WorkflowCreateResult> {
    const { id = newId("wf"), trigger, ...rest } = input;
    const { secret = makeSecret(), ...ofTrigger } = trigger;
    const definition = { ...rest, trigger: ofTrigger };
    const errors = await this.check(definition);
    if (errors.length > 0) return { created: false, why: "invalid", errors };
    const at = this.now();
    const record: WorkflowRecord = {
      id,
      ...definition,
      // Higher than that of any workflow that had this id before: its executions may still be under way.
      revision: (await this.options.workflows.version()) + 1,
      created_at: at,
      updated_at: at,
      secrets: [{ secret, expires_at: null }],
    };
    const result = await this.options.workflows.create(record);
    return result.created ? { created: true, record } : result;
  }

  get(id: string): Promise<WorkflowRecord | null> {
    return this.options.workflows.get(id);
  }

  ids(): Promise<string[]> {
    return this.options.workflows.ids();
  }

  getAll(ids: readonly string[]): Promise<WorkflowRecord[]> {
    return this.options.workflows.getAll(ids);
  }

  /** Returns what is wrong with a document, without saving it. */
  async check(input: WorkflowInput): Promise<WorkflowFault[]> {
    const bytes = Buffer.byteLength(JSON.stringify(input));
    if (bytes > MAX_WORKFLOW_BYTES) {
      const message = `it has ${bytes} bytes; accepted are ${MAX_WORKFLOW_BYTES}`;
      return [{ field: "", code: "too-large", message }];
    }
    const { mode, node_id } = input.trigger.response;
    const errors = await this.options.check(input);
    if (mode === "specificNode" && !input.nodes.some(({ id }) => id === node_id)) {
      const message = `there is no node ${node_id}`;
      errors.push({ field: "trigger.response.node_id", code: "unknown-node", message });
    }
    return errors;
  }

  /** Replaces the whole document, unless the stored one is not the expected one. */
  async replace(
    id: string,
    input: WorkflowInput,
    isExpected: IsExpected,
  ): Promise<WorkflowUpdateResult> {
    const errors = await this.check(input);
    if (errors.length > 0) return { updated: null, why: "invalid", errors };
    return this.change(id, input, isExpected);
  }

  /** Applies a merge patch (RFC 7396) to the document, and checks the result as a whole. */
  async patch(id: string, patch: WorkflowPatch): Promise<WorkflowUpdateResult> {
    const read = await this.get(id);
    if (read === null) return { updated: null, why: "missing" };
    // Without `enabled`: what the patch does not name may change meanwhile, and the revision does not count it.
    const { revision, name, trigger, nodes } = read;
    const parsed = workflowInputSchema.safeParse(
      mergePatch(withoutSecret({ name, trigger: knownPart(trigger), nodes }), patch),
    );
    if (!parsed.success) {
      const errors = parsed.error.issues.map(({ path, code, message }) => ({
        field: path.map(String).join("."),
        code,
        message,
      }));
      return { updated: null, why: "invalid", errors };
    }
    const document = { ...parsed.data, trigger: withUnknown(parsed.data.trigger, trigger) };
    const result = await this.replace(id, document, (current) => current.revision === revision);
    // Another change came between: the patch applies to the document as it is now.
    return result.updated === null && result.why === "changed" ? this.patch(id, patch) : result;
  }

  setEnabled(id: string, enabled: boolean): Promise<WorkflowUpdated> {
    const at = this.now();
    return this.options.workflows.update(id, (current) =>
      current.enabled === enabled ? null : { ...current, enabled, updated_at: at },
    );
  }

  /** Replaces the secret; the ones before it are accepted for `graceMs` more. */
  rotate(
    id: string,
    { secret = makeSecret(), graceMs }: { secret?: string; graceMs: number },
  ): Promise<WorkflowUpdated> {
    const nowMs = this.options.now().getTime();
    return this.options.workflows.update(id, (current) => ({
      ...current,
      secrets: rotatedSecrets(current.secrets, { secret, graceMs, nowMs }),
      updated_at: new Date(nowMs).toISOString(),
    }));
  }

  /** Returns false if there was none. What is under way goes on with the revision that it began with. */
  delete(id: string): Promise<boolean> {
    return this.options.workflows.delete(id);
  }

  private async change(
    id: string,
    input: WorkflowInput,
    isExpected: IsExpected,
  ): Promise<WorkflowUpdateResult> {
    const at = this.now();
    let unexpected: number | null = null;
    const result = await this.options.workflows.update(id, (current) => {
      unexpected = isExpected(current) ? null : current.revision;
      return unexpected === null ? changed(current, input, at) : null;
    });
    return unexpected === null ? result : { updated: null, why: "changed", revision: unexpected };
  }

  private now(): string {
    return this.options.now().toISOString();
  }
}

/** Returns null if nothing changes. A verify token that the document leaves out stays. */
function changed(current: WorkflowRecord, input: WorkflowInput, at: string): WorkflowRecord | null {
  const { verify_token } = current.trigger.verification;
  const keepsToken =
    verify_token !== undefined &&
    input.trigger.verification.scheme === "meta" &&
    input.trigger.verification.verify_token === undefined;
  const trigger = keepsToken
    ? { ...input.trigger, verification: { ...input.trigger.verification, verify_token } }
    : input.trigger;
  const next = { ...current, ...input, trigger, enabled: input.enabled ?? current.enabled };
  const texts = [current, next].map(({ name, trigger: ofOne, nodes }) =>
    JSON.stringify([name, ofOne, nodes]),
  );
  const isSame = texts[0] === texts[1];
  if (isSame && current.enabled === next.enabled) return null;
  return { ...next, revision: current.revision + (isSame ? 0 : 1), updated_at: at };
}

/** RFC 7396 §2. Arrays are replaced. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const merged: Record<string, unknown> = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}
