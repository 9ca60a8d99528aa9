// Workflows that signed requests start: create, list, change, run, rotate the secret.
import { makeSecret } from "../wire/secret.ts";
import type {
  Execution,
  Workflow,
  WorkflowChecked,
  WorkflowCreate,
  WorkflowCreated,
  WorkflowInput,
  WorkflowPatch,
  WorkflowSecretRotate,
  WorkflowSecretRotated,
  WorkflowSummary,
  WorkflowTest,
} from "./api-types.ts";
import { FluxError } from "./flux-error.ts";
import { listing, type Listing } from "./listing.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";

export type {
  Execution,
  Workflow,
  WorkflowChecked,
  WorkflowCreate,
  WorkflowCreated,
  WorkflowInput,
  WorkflowPatch,
  WorkflowSecretRotated,
  WorkflowSummary,
  WorkflowTest,
} from "./api-types.ts";

/** Time-out of a test: it waits as long as the longest time-out of a response. */
const TEST_TIMEOUT_MS = 250_000;

export class Workflows {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates a workflow.
   *
   * ```ts
   * const { url, secret } = await flux.workflows.create({
   *   id: "orders",
   *   name: "Orders",
   *   trigger: { response: { mode: "lastNode" } },
   *   nodes: [{ id: "greet", type: "set", value: "Hello {{trigger.data.name}}" }],
   * });
   * ```
   *
   * The client does not repeat this call by itself: with an `id` of your own, a second call fails with 409.
   *
   * @throws {FluxError} 409 `duplicate-workflow`; 422 `invalid`, with the field of each mistake.
   */
  create(workflow: WorkflowCreate, options?: CallOptions): Promise<WorkflowCreated> {
    return this.#transport.call(
      { method: "POST", path: "/v1/workflows", body: workflow, isRepeatable: false },
      options,
    );
  }

  /**
   * Lists the workflows by their ids.
   *
   * @param page `limit` is the size of a page, at most 100.
   * @throws {FluxError} From the iteration, not from this call.
   */
  list(page: { limit?: number } = {}, options?: CallOptions): Listing<WorkflowSummary> {
    return listing(this.#transport, "/v1/workflows", "workflows", { ...page }, options);
  }

  /** @throws {FluxError} 404 `not-found`. */
  get(id: string, options?: CallOptions): Promise<Workflow> {
    return this.#transport.call(
      { method: "GET", path: path`/v1/workflows/${id}`, isRepeatable: true },
      options,
    );
  }

  /** Returns what is wrong with a document, without saving it. */
  check(workflow: WorkflowInput, options?: CallOptions): Promise<WorkflowChecked> {
    return this.#transport.call(
      { method: "POST", path: "/v1/workflows/check", body: workflow, isRepeatable: true },
      options,
    );
  }

  /**
   * Replaces the whole document. Executions that are under way keep the one that they began with.
   *
   * @throws {FluxError} 404 `not-found`, 422 `invalid`.
   */
  replace(id: string, workflow: WorkflowInput, options?: CallOptions): Promise<Workflow> {
    return this.#transport.call(
      { method: "PUT", path: path`/v1/workflows/${id}`, body: workflow, isRepeatable: true },
      options,
    );
  }

  /**
   * Changes what the patch names (RFC 7396); `nodes` are replaced as a whole.
   *
   * @throws {FluxError} 404 `not-found`, 422 `invalid`.
   */
  update(id: string, patch: WorkflowPatch, options?: CallOptions): Promise<Workflow> {
    return this.#transport.call(
      { method: "PATCH", path: path`/v1/workflows/${id}`, body: patch, isRepeatable: true },
      options,
    );
  }

  /** @throws {FluxError} 404 `not-found`. */
  async delete(id: string, options?: CallOptions): Promise<void> {
    try {
      await this.#transport.call(
        { method: "DELETE", path: path`/v1/workflows/${id}`, isRepeatable: true },
        options,
      );
    } catch (error) {
      // An earlier request, whose answer was lost, has deleted it.
      const isDeleted = error instanceof FluxError && error.status === 404 && error.attempts > 1;
      if (!isDeleted) throw error;
    }
  }

  /** @throws {FluxError} 404 `not-found`. */
  enable(id: string, options?: CallOptions): Promise<Workflow> {
    return this.#switch(path`/v1/workflows/${id}/enable`, options);
  }

  /** Signed requests are answered 409 from now on. @throws {FluxError} 404 `not-found`. */
  disable(id: string, options?: CallOptions): Promise<Workflow> {
    return this.#switch(path`/v1/workflows/${id}/disable`, options);
  }

  /** @throws {FluxError} 404 `not-found`. */
  revealSecret(
    id: string,
    options?: CallOptions,
  ): Promise<{ secret: string; verify_token: string | null }> {
    return this.#transport.call(
      { method: "GET", path: path`/v1/workflows/${id}/secret`, isRepeatable: true },
      options,
    );
  }

  /**
   * Replaces the secret. During the grace period both secrets are accepted.
   *
   * @param rotation `grace_hours` is 0 to 168, default 24; `secret` is your own secret.
   * @throws {FluxError} 404 `not-found`, 422 `invalid`.
   */
  rotateSecret(
    id: string,
    rotation: WorkflowSecretRotate = {},
    options?: CallOptions,
  ): Promise<WorkflowSecretRotated> {
    return this.#transport.call(
      {
        method: "POST",
        path: path`/v1/workflows/${id}/rotate-secret`,
        // Generated here, so that a retry after a lost answer sets the same secret.
        body: { ...rotation, secret: rotation.secret ?? makeSecret() },
        isRepeatable: true,
      },
      options,
    );
  }

  /**
   * Runs the workflow now, without a signature, with all its effects. Waits until it has ended, up to the
   * workflow's own time-out.
   *
   * ```ts
   * const { state, nodes } = await flux.workflows.test("orders", { data: { name: "Ada" } });
   * ```
   *
   * @throws {FluxError} 404 `not-found`.
   */
  test(id: string, request: WorkflowTest = {}, options: CallOptions = {}): Promise<Execution> {
    return this.#transport.call(
      {
        method: "POST",
        path: path`/v1/workflows/${id}/test`,
        body: request,
        isRepeatable: false,
      },
      { timeoutMs: TEST_TIMEOUT_MS, ...options },
    );
  }

  #switch(to: string, options?: CallOptions): Promise<Workflow> {
    return this.#transport.call({ method: "POST", path: to, isRepeatable: true }, options);
  }
}
