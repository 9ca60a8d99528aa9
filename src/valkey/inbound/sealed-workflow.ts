// Reads and writes a workflow as it is stored in Valkey. Guarantee 9: if there is a key, its credentials are
// sealed, bound to the workflow.
import { z } from "zod";
import { parseExactJson } from "../../wire/exact-json.ts";
import { storedTriggerSchema } from "../../wire/workflow/stored-trigger.ts";
import type { WorkflowNode } from "../../wire/workflow/node.ts";
import type { WorkflowRecord } from "../../wire/workflow/workflow.ts";
import type { SecretBox } from "../webhooks/secret-box.ts";

/** Fields that a later version has added are kept when this one changes a workflow. */
const credentialsSchema = z.looseObject({
  secrets: z.array(z.looseObject({ secret: z.string(), expires_at: z.string().nullable() })),
  verify_token: z.string().optional(),
});
type Credentials = z.infer<typeof credentialsSchema>;

interface StoredWorkflow extends Omit<WorkflowRecord, "secrets"> {
  /** A string if it is sealed: the sealed JSON of its value. */
  credentials: Credentials | string;
}

const nodeSchema = z.looseObject({ id: z.string(), type: z.string() });

/** Only what a reader relies on. */
const storedSchema = z.looseObject({
  id: z.string(),
  revision: z.int(),
  name: z.string(),
  enabled: z.boolean().default(true),
  created_at: z.string(),
  updated_at: z.string(),
  trigger: storedTriggerSchema.prefault({}),
  // Kept as they were written. They are checked when they are compiled.
  nodes: z.array(z.custom<WorkflowNode>((node) => nodeSchema.safeParse(node).success)),
  credentials: z.union([credentialsSchema, z.string()]),
});

export interface OpenedWorkflow {
  record: WorkflowRecord;
  /** Those that this version does not know. */
  otherCredentials: object;
  /** The credentials cannot be opened with the keys of this process: it has no secret here. */
  isUnreadable: boolean;
}

/** Returns null if the text is not a workflow of this id. */
export async function openWorkflow(
  text: string,
  id: string,
  box: SecretBox,
): Promise<OpenedWorkflow | null> {
  const stored = readStored(text);
  if (stored === null || stored.id !== id) return null;
  const { credentials: sealed, ...rest } = stored;
  const credentials = typeof sealed === "string" ? await open(sealed, id, box) : sealed;
  const { secrets = [], verify_token, ...otherCredentials } = credentials ?? {};
  const record: WorkflowRecord = { ...rest, secrets };
  if (verify_token !== undefined) {
    const verification = { ...record.trigger.verification, verify_token };
    record.trigger = { ...record.trigger, verification };
  }
  return { record, otherCredentials, isUnreadable: credentials === null };
}

/**
 * Returns the text to store. `opened` and `before` are given for a change: credentials that could not be opened,
 * and that `record` does not replace, stay as they are in `before`.
 */
export async function sealWorkflow(
  record: WorkflowRecord,
  box: SecretBox,
  nowMs: number,
  { opened, before }: { opened?: OpenedWorkflow; before?: string } = {},
): Promise<string> {
  const { secrets, trigger, ...rest } = record;
  const { verify_token, ...verification } = trigger.verification;
  const credentials: Credentials = {
    ...opened?.otherCredentials,
    secrets: secrets.filter(
      ({ expires_at }) => expires_at === null || Date.parse(expires_at) > nowMs,
    ),
    ...(verify_token === undefined ? {} : { verify_token }),
  };
  const stored: StoredWorkflow = {
    ...rest,
    trigger: { ...trigger, verification },
    credentials: box.hasKey
      ? await box.seal(JSON.stringify(credentials), placeOf(record.id))
      : credentials,
  };
  if (opened?.isUnreadable && secrets.length === 0 && before !== undefined) {
    stored.credentials = readStored(before)?.credentials ?? stored.credentials;
  }
  return JSON.stringify(stored);
}

/** Returns whether it is sealed under the first key, or stored in plain if there is no key. */
export function hasCurrentWorkflowSeal(text: string, box: SecretBox): boolean {
  const credentials = readStored(text)?.credentials;
  if (credentials === undefined) return true;
  return typeof credentials === "string" ? box.isCurrent(credentials) : !box.hasKey;
}

function readStored(text: string): StoredWorkflow | null {
  try {
    return storedSchema.parse(parseExactJson(text));
  } catch {
    // Not JSON, or another program's.
    return null;
  }
}

async function open(sealed: string, id: string, box: SecretBox): Promise<Credentials | null> {
  const opened = await box.open(sealed, placeOf(id));
  if (opened.kind !== "opened") return null;
  return credentialsSchema.safeParse(JSON.parse(opened.text)).data ?? null;
}

function placeOf(id: string): string {
  return JSON.stringify(["workflow", id, "credentials"]);
}
