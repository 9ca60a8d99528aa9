// The error of every failed call: the API's problem document (RFC 9457), or why there was no answer.
import type { Problem as Answered } from "./api-types.ts";

type KindOf<Type> = Type extends `urn:fluxhook:problem:${infer Kind}` ? Kind : never;

/** The last part of the `type` of the API's problems. */
export type ProblemKind = KindOf<Answered["type"]>;

/**
 * - `urn:fluxhook:problem:…`: a problem of the API
 * - `urn:fluxhook:sdk:timeout`, `urn:fluxhook:sdk:connection`: there was no answer; a write may have been
 *   applied
 * - `about:blank`: the answer is not Fluxhook's, but for example a proxy's
 */
export type ProblemType =
  | `urn:fluxhook:problem:${ProblemKind}`
  | "urn:fluxhook:sdk:timeout"
  | "urn:fluxhook:sdk:connection"
  | "about:blank"
  // Types of later versions. `string & {}` keeps completion of the names above in editors.
  | (string & {});

/** One fault of the input: the field, what was found and what is accepted. */
export type FieldError = NonNullable<Answered["errors"]>[number];

export interface Problem extends Omit<Answered, "type" | "errors"> {
  type: ProblemType;
  /** The HTTP status; 0 if there was no answer. */
  status: number;
  errors?: readonly FieldError[];
}

/**
 * Every failed call of the client rejects with it, except for wrong arguments (a `TypeError`) and
 * aborted calls (the `reason` of the `AbortSignal`).
 *
 * ```ts
 * try {
 *   await flux.webhooks.create({ user_id: "u_1", url });
 * } catch (error) {
 *   if (error instanceof FluxError && error.type === "urn:fluxhook:problem:duplicate-webhook") {
 *     console.log("exists already:", error.webhook_id);
 *   } else throw error;
 * }
 * ```
 */
export class FluxError extends Error {
  override readonly name = "FluxError";

  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  readonly type: ProblemType;
  readonly title: string;
  readonly detail: string;
  /** One entry for each fault of the input; empty for other errors. */
  readonly errors: readonly FieldError[];
  /** The existing webhook of a `duplicate-webhook`. */
  readonly webhook_id: string | undefined;
  /** Number of requests that were sent. */
  readonly attempts: number;
  /** For `events.send`: call it again with this key within 24 hours, and no event is pushed twice. */
  readonly idempotencyKey: string | undefined;

  constructor(
    request: string,
    problem: Problem,
    more: { attempts: number; idempotencyKey?: string; cause?: unknown },
  ) {
    const status = problem.status === 0 ? "" : `${problem.status} `;
    super(`${request}: ${status}${problem.title}: ${problem.detail}`, { cause: more.cause });
    this.status = problem.status;
    this.type = problem.type;
    this.title = problem.title;
    this.detail = problem.detail;
    this.errors = problem.errors ?? [];
    this.webhook_id = problem.webhook_id;
    this.attempts = more.attempts;
    this.idempotencyKey = more.idempotencyKey;
  }
}
