// By what a repeated request is recognised: the trigger's expression, the header Idempotency-Key, or the id that
// the sender's scheme gives to it. The first of them that there is counts.
import { hash } from "node:crypto";
import type { Expression } from "../../expressions/expression.ts";
import type { Problem } from "../../expressions/problem.ts";
import { workflowScope } from "../../expressions/workflow-scope.ts";
import { isJsonObject } from "../../wire/json-object.ts";
import type { ExecutionRequest } from "../executions.ts";
import type { Claim, Scheme } from "./schemes/scheme.ts";

/** A longer one is stored by its hash. */
const MAX_KEY_BYTES = 512;
const MAX_RESULT_BYTES = 64 * 1024;

export interface KeySources {
  /** Of `trigger.idempotency`. */
  expression: Expression | null;
  headers: Headers;
  claim: Claim;
  scheme: Scheme;
  /** The parsed body. */
  value: unknown;
  texts: { body: string; query: string | null; headers: string };
}

export type IdempotencyKey = { ok: true; key: string | null } | { ok: false; problem: Problem };

export function idempotencyKey(sources: KeySources): IdempotencyKey {
  const { expression, headers, claim, scheme, value, texts } = sources;
  if (expression !== null) {
    const scope = workflowScope({ ...texts, executionId: "", nodes: new Map() });
    const result = expression.evaluate(scope, MAX_RESULT_BYTES);
    if (!result.ok) return result;
    // Null: this request has none.
    if (result.json !== "null") return { ok: true, key: bounded(`x:${result.json}`) };
  }
  const given = headers.get("idempotency-key");
  if (given) return { ok: true, key: bounded(`h:${given}`) };
  const id = claim.id ?? idIn(value, scheme);
  return { ok: true, key: id ? bounded(`p:${id}`) : null };
}

/** Only of the body: the query and the headers of a repetition may differ. */
export function withFingerprint(
  key: string | null,
  body: Uint8Array,
): ExecutionRequest["idempotency"] {
  return key === null ? null : { key, fingerprint: hash("sha256", body, "hex") };
}

function idIn(value: unknown, { idIn: names = [] }: Scheme): string | null {
  if (!isJsonObject(value)) return null;
  for (const name of names) {
    const id = value[name];
    if (typeof id === "string" && id !== "") return id;
  }
  return null;
}

function bounded(key: string): string {
  return Buffer.byteLength(key) <= MAX_KEY_BYTES ? key : `#:${hash("sha256", key, "hex")}`;
}
