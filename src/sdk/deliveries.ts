// Deliveries that are sent again: one, or the parked ones of an owner or a webhook.
import type { ParkedDelivery, ParkedSummary, RedeliverParked } from "./api-types.ts";
import { listing, type Listing } from "./listing.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";

export type { ParkedDelivery, ParkedSummary } from "./api-types.ts";

/**
 * Which parked deliveries: with `user_id` and `org_id`, those of both; `webhook_id`, `reason` and
 * `event` narrow it.
 */
export type ParkedFilter = Omit<RedeliverParked, "limit" | "dry_run">;

export class Deliveries {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Sends one again: any of an owner's last ten, any scheduled, any parked. A scheduled one runs
   * now; a delivered or parked one becomes a new delivery with the same event id.
   *
   * It is not repeated by itself: the receiver might get it once for each repetition.
   *
   * @param deliveryId The `delivery_id` of any of its attempts.
   * @returns The UUID of the attempt to come.
   * @throws {FluxError} 404 `not-found`, 409 `in-flight` or `webhook-disabled`, 410 `gone`.
   */
  redeliver(deliveryId: string, options?: CallOptions): Promise<{ delivery_id: string }> {
    return this.#transport.call(
      { method: "POST", path: path`/v1/deliveries/${deliveryId}/redeliver`, isRepeatable: false },
      options,
    );
  }
}

export class Parked {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Parked deliveries, newest first.
   *
   * @param filter `limit` is the size of a page, at most 100.
   * @throws {FluxError} From the iteration.
   */
  list(
    filter: ParkedFilter & { limit?: number } = {},
    options?: CallOptions,
  ): Listing<ParkedDelivery> {
    return listing(this.#transport, "/v1/parked", "parked", { ...filter }, options);
  }

  /**
   * Counts parked deliveries by reason, event type and webhook.
   *
   * @param filter Whose; everybody's without an owner and with the API token.
   * @throws {FluxError} 404 `not-found`, 422 `invalid`.
   */
  summary(
    filter: Pick<ParkedFilter, "user_id" | "org_id"> = {},
    options?: CallOptions,
  ): Promise<ParkedSummary> {
    return this.#transport.call(
      { method: "GET", path: "/v1/parked/summary", query: { ...filter }, isRepeatable: true },
      options,
    );
  }

  /**
   * Redelivers them, the oldest first; those of disabled or deleted webhooks stay parked.
   *
   * ```ts
   * let remaining: number;
   * do ({ remaining } = await flux.parked.redeliver({ user_id: "u_1" }));
   * while (remaining > 0);
   * ```
   *
   * @param filter An owner or a webhook is required with the API token; `limit` is how many at most,
   *   1 to 1,000. With `dry_run` nothing is changed, and `remaining` says how many there are.
   * @returns `remaining`: how many more the same call would redeliver.
   * @throws {FluxError} 404 `not-found`, 409 `webhook-disabled`, 422 `invalid`.
   */
  redeliver(
    filter: RedeliverParked,
    options?: CallOptions,
  ): Promise<{ redelivered: number; remaining: number }> {
    return this.#transport.call(
      // What a lost answer had redelivered is no longer parked.
      { method: "POST", path: "/v1/parked/redeliver", body: filter, isRepeatable: true },
      options,
    );
  }
}
