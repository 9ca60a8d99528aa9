// What a call of the client rejects with: the API's problem document (RFC 9457), or why there was none.
import type { Problem as Answered } from "./api-types.ts";

type KindOf<Type> = Type extends `urn:fluxhook:problem:${infer Kind}` ? Kind : never;

/** The last part of a problem's `type`, as the API answers them. */
export type ProblemKind = KindOf<Answered["type"]>;

/**
 * - `urn:fluxhook:problem:…`: the API's own
 * - `urn:fluxhook:sdk:timeout`, `urn:fluxhook:sdk:connection`: no answer came; a write may have been
 *   applied all the same
 * - `about:blank`: an answer that is not Fluxhook's, a proxy's for instance
 */
export type ProblemType =
  | `urn:fluxhook:problem:${ProblemKind}`
  | "urn:fluxhook:sdk:timeout"
  | "urn:fluxhook:sdk:connection"
  | "about:blank"
  // A later version's, without losing the names above in an editor.
  | (string & {});

/** One fault of the input: where it is, what was found and what is accepted. */
export type FieldError = NonNullable<Answered["errors"]>[number];

export interface Problem extends Omit<Answered, "type" | "errors"> {
  type: ProblemType;
  /** The HTTP status; 0 where no answer came. */
  status: number;
  errors?: readonly FieldError[];
}

/**
 * Every call of the client rejects with it, but for what the caller got wrong (a `TypeError`) or
 * ended (the `reason` of the `AbortSignal`).
 *
 * ```ts
 * try {
 *   await flux.webhooks.create({ user_id: "u_1", url });
 * } catch (error) {
 *   if (error instanceof FluxError && error.type === "urn:fluxhook:problem:duplicate-webhook") {
 *     console.log("there already:", error.webhook_id);
 *   } else throw error;
 * }
 * ```
 */
export class FluxError extends Error {
  override readonly name = "FluxError";

  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  readonly type: ProblemType;
  readonly title: string;
  readonly detail: string;
  /** One entry for each fault of the input; empty where it is not about the input. */
  readonly errors: readonly FieldError[];
  /** The webhook that stands in the way. */
  readonly webhook_id: string | undefined;
  /** How many requests were made. */
  readonly attempts: number;
  /** Of `events.send`: sent again with it, nothing is pushed twice within 24 hours. */
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
