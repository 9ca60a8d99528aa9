// Deliveries that are sent again: one, or the parked ones of an owner or a webhook.
import { listing, type Listing } from "./listing.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";

/** A delivery that is not tried again by itself. */
export interface ParkedDelivery {
  /** UUID of its last attempt; `deliveries.redeliver` takes it. */
  delivery_id: string;
  webhook_id: string;
  user_id?: string;
  org_id?: string;
  /** The event's id. */
  id: string;
  /** The event type; null where it could not be read. */
  event: string | null;
  /** Why: `http-500`, `timeout`, `blocked-address`, `webhook-disabled`, … */
  reason: string | null;
  /** Of the last attempt; null where no response came. */
  status_code: number | null;
  /** The attempt that it was parked at. */
  attempt: number;
  /** RFC 3339. */
  parked_at: string;
  /** RFC 3339; it may fall out of the caps before. */
  expires_at: string;
  /** Bytes that it takes up; an event for several webhooks is stored once, apart. */
  size: number;
}

/**
 * Which parked deliveries: with `user_id` and `org_id`, those of both; `webhook_id`, `reason` and
 * `event` narrow it.
 */
export interface ParkedFilter {
  user_id?: string;
  org_id?: string;
  webhook_id?: string;
  /** `http-500`, `timeout`, `blocked-address`, … */
  reason?: string;
  /** An event type. */
  event?: string;
}

/** How many deliveries are parked, the most frequent first. */
export interface ParkedSummary {
  total: number;
  by_reason: { reason: string; count: number }[];
  /** At most 100; `event` is null where it could not be read. */
  by_event: { event: string | null; count: number }[];
  /** The 100 webhooks with the most; empty where an owner is meant. */
  by_webhook: { webhook_id: string; count: number }[];
}

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
    filter: ParkedFilter & { limit?: number; dry_run?: boolean },
    options?: CallOptions,
  ): Promise<{ redelivered: number; remaining: number }> {
    return this.#transport.call(
      // What a lost answer had redelivered is no longer parked.
      { method: "POST", path: "/v1/parked/redeliver", body: filter, isRepeatable: true },
      options,
    );
  }
}
