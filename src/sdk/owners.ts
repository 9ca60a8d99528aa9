// What is done to an owner as a whole: who did what to its things, and its end.
import type { AuditEntry, OwnerErased } from "./api-types.ts";
import { listing, type Listing } from "./listing.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";

export type { AuditEntry, OwnerErased } from "./api-types.ts";

export interface AuditFilter {
  user_id?: string;
  org_id?: string;
  /** `webhook.created`, or `webhook` for all of that kind. */
  action?: string;
  /** Entries per page, at most 100. */
  limit?: number;
}

export class Owners {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Lists who did what, newest first.
   *
   * @throws {FluxError} From the iteration, not from this call.
   */
  audit(filter: AuditFilter = {}, options?: CallOptions): Listing<AuditEntry> {
    return listing(this.#transport, "/v1/audit", "audit", { ...filter }, options);
  }

  /**
   * Removes everything that is kept of a user or an organisation. It may be repeated.
   *
   * ```ts
   * await flux.owners.erase({ user_id: "u_1" });
   * ```
   *
   * @returns How many webhooks, parked deliveries, API keys and sessions there were.
   * @throws {FluxError}
   */
  erase(
    owner: { user_id: string } | { org_id: string },
    options?: CallOptions,
  ): Promise<OwnerErased> {
    return this.#transport.call(
      {
        method: "DELETE",
        path: "org_id" in owner ? path`/v1/orgs/${owner.org_id}` : path`/v1/users/${owner.user_id}`,
        isRepeatable: true,
      },
      options,
    );
  }
}
