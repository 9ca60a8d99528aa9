// The log of an owner's delivery attempts.
import type { LogEntry } from "./api-types.ts";
import {
  streamEvents,
  type FollowFilter,
  type FollowOptions,
  type LiveAttempt,
  type StreamedEvent,
} from "./stream.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";

export type { LogEntry } from "./api-types.ts";
export type { FollowFilter, FollowOptions, LiveAttempt, StreamedEvent } from "./stream.ts";

export class Logs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Lists the last attempts for an owner's webhooks (ten, unless the service keeps more), newest first.
   *
   * ```ts
   * const [newest] = await flux.logs.list("u_1");
   * const ofTheOrg = await flux.logs.list({ org_id: "o_1" });
   * ```
   *
   * @param owner A user's id, or `{ user_id }` or `{ org_id }`.
   * @throws {FluxError}
   */
  async list(
    owner: string | { user_id: string } | { org_id: string },
    options?: CallOptions,
  ): Promise<LogEntry[]> {
    const of = typeof owner === "string" ? { user_id: owner } : owner;
    const { logs } = await this.#transport.call<{ logs: LogEntry[] }>(
      {
        method: "GET",
        path:
          "org_id" in of ? path`/v1/orgs/${of.org_id}/logs` : path`/v1/users/${of.user_id}/logs`,
        isRepeatable: true,
      },
      options,
    );
    return logs;
  }

  /**
   * Yields attempts as they are made, of an owner, a webhook, or (with the API token) of all owners. It
   * connects again by itself after any break, and goes on after the attempt that it yielded last. If there
   * are many attempts of all owners, it yields a sample, failures first.
   *
   * ```ts
   * for await (const attempt of flux.logs.follow({ user_id: "u_1", outcome: "failed" })) {
   *   console.log(attempt.event, attempt.reason);
   * }
   * ```
   *
   * @throws {FluxError} The service refuses, or there is no answer to the first request.
   */
  async *follow(
    filter: FollowFilter = {},
    options: FollowOptions = {},
  ): AsyncGenerator<LiveAttempt, void, undefined> {
    for await (const { event, data } of this.events(filter, options)) {
      if (event === "attempt") yield data;
    }
  }

  /**
   * Yields every event of the stream: also alerts, how many attempts each second had, and that attempts
   * are missing (docs/stream.md). Ignore those that you do not know.
   *
   * @throws {FluxError} as `follow`.
   */
  events(
    filter: FollowFilter = {},
    options: FollowOptions = {},
  ): AsyncGenerator<StreamedEvent, void, undefined> {
    return streamEvents(this.#transport, { ...filter }, options);
  }
}
