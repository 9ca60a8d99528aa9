// Alerts, and the search over everything.
import type { Alert, Found } from "./api-types.ts";
import { listing, type Listing } from "./listing.ts";
import type { CallOptions, Transport } from "./transport.ts";

export type { Alert, Found } from "./api-types.ts";

export interface AlertFilter {
  user_id?: string;
  org_id?: string;
  webhook_id?: string;
  /** Such as `webhook.disabled`. */
  kind?: string;
}

export class Alerts {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Lists the last alerts, newest first; with a scoped token those about its owner's webhooks.
   *
   * ```ts
   * for await (const alert of flux.alerts.list({ kind: "webhook.disabled" })) console.log(alert.message);
   * ```
   *
   * @throws {FluxError}
   */
  list(filter: AlertFilter = {}, options?: CallOptions): Listing<Alert> {
    return listing<Alert>(this.#transport, "/v1/alerts", "alerts", { ...filter }, options);
  }
}

export interface SearchResult {
  /** At most 20; the best match first. */
  found: Found[];
  /** There may be more. */
  partial: boolean;
}

export function search(
  transport: Transport,
  text: string,
  options?: CallOptions,
): Promise<SearchResult> {
  const call = {
    method: "GET",
    path: "/v1/search",
    query: { q: text },
    isRepeatable: true,
  } as const;
  return transport.call<SearchResult>(call, options);
}
