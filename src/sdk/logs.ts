// The log of an owner's delivery attempts.
import type { LogEntry } from "./api-types.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";

export type { LogEntry } from "./api-types.ts";

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
}
