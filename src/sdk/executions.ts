// Executions of workflows: list, get, retry, cancel.
import type { Execution, ExecutionSummary } from "./api-types.ts";
import { listing, type Listing } from "./listing.ts";
import { streamEvents, type FollowOptions, type LiveExecution } from "./stream.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";

export type { ExecutionSummary } from "./api-types.ts";
export type { LiveExecution } from "./stream.ts";

export type ExecutionState = ExecutionSummary["state"];

export class Executions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Lists executions, newest first.
   *
   * ```ts
   * for await (const { id, error } of flux.executions.list({ state: "failed" })) console.log(id, error);
   * ```
   *
   * @param filter `limit` is the size of a page, at most 100.
   * @throws {FluxError} From the iteration, not from this call.
   */
  list(
    filter: { workflow_id?: string; state?: ExecutionState; limit?: number } = {},
    options?: CallOptions,
  ): Listing<ExecutionSummary> {
    return listing(this.#transport, "/v1/executions", "executions", { ...filter }, options);
  }

  /**
   * Returns an execution with its nodes. Integers beyond 2^53 are rounded, as by `JSON.parse`.
   *
   * @throws {FluxError} 404 `not-found`.
   */
  get(id: string, options?: CallOptions): Promise<Execution> {
    return this.#transport.call(
      { method: "GET", path: path`/v1/executions/${id}`, isRepeatable: true },
      options,
    );
  }

  /**
   * Yields executions of workflows as they change: which one, its state, and the node that begins. Of very many it
   * yields some. It connects again by itself after any break; `get` has what an execution is by now.
   *
   * ```ts
   * for await (const { id, state } of flux.executions.follow({ workflow_id: "orders" })) console.log(id, state);
   * ```
   *
   * @throws {FluxError} The service refuses, or there is no answer to the first request.
   */
  async *follow(
    filter: { workflow_id?: string } = {},
    options: Pick<FollowOptions, "signal"> = {},
  ): AsyncGenerator<LiveExecution, void, undefined> {
    const all = streamEvents(this.#transport, { executions: "true", ...filter }, options);
    for await (const { event, data } of all) if (event === "execution") yield data;
  }

  /**
   * Runs a failed or cancelled execution again, from the node that failed. The client does not repeat this call
   * by itself.
   *
   * @throws {FluxError} 404 `not-found`, 409 `wrong-state`.
   */
  retry(id: string, options?: CallOptions): Promise<{ id: string; state: ExecutionState }> {
    return this.#transport.call(
      { method: "POST", path: path`/v1/executions/${id}/retry`, isRepeatable: false },
      options,
    );
  }

  /**
   * Cancels an execution that has not ended. No further node begins.
   *
   * @throws {FluxError} 404 `not-found`, 409 `wrong-state`.
   */
  cancel(id: string, options?: CallOptions): Promise<{ id: string; state: ExecutionState }> {
    return this.#transport.call(
      { method: "POST", path: path`/v1/executions/${id}/cancel`, isRepeatable: true },
      options,
    );
  }
}
