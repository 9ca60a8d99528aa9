// Reads one attempt in full; redelivers one delivery, or the parked ones of an owner or a webhook.
import type {
  AttemptInFull,
  ParkedDelivery,
  ParkedSummary,
  RedeliverParked,
  SignatureCheck,
  SignedAgain,
} from "./api-types.ts";
import { listing, type Listing } from "./listing.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";

export type {
  AttemptInFull,
  ParkedDelivery,
  ParkedSummary,
  SignatureCheck,
  SignedAgain,
} from "./api-types.ts";

/**
 * Selects parked deliveries: those of `user_id`, of `org_id` or of both; `webhook_id`, `reason` and
 * `event` narrow the selection.
 */
export type ParkedFilter = Omit<RedeliverParked, "limit" | "dry_run" | "before">;

export class Deliveries {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Reads one attempt in full: what was sent and answered, the delivery's other attempts, where the delivery
   * is, and what happens next. The last attempts of an owner and the last failed ones of each webhook are kept.
   *
   * `request.body` is text, not JSON: parse it with care, because `JSON.parse` rounds big integers.
   *
   * @param deliveryId The `delivery_id` of the attempt.
   * @throws {FluxError} 404 `not-found`: it is no longer kept, or is another owner's.
   */
  get(deliveryId: string, options?: CallOptions): Promise<AttemptInFull> {
    return this.#transport.call(
      { method: "GET", path: path`/v1/deliveries/${deliveryId}`, isRepeatable: true },
      options,
    );
  }

  /**
   * Says whether the signatures that an attempt sent match the webhook's secrets of now. Changes nothing.
   *
   * @param deliveryId The `delivery_id` of the attempt.
   * @throws {FluxError} 404 `not-found`, 410 `gone`: what it sent is not kept.
   */
  verify(deliveryId: string, options?: CallOptions): Promise<SignatureCheck> {
    return this.#transport.call(
      { method: "POST", path: path`/v1/deliveries/${deliveryId}/verify`, isRepeatable: true },
      options,
    );
  }

  /**
   * Makes an attempt's request again with a signature of now, to send it by hand. Nothing is sent.
   *
   * @param deliveryId The `delivery_id` of the attempt.
   * @returns The request, with its credentials, and the same as a command of curl.
   * @throws {FluxError} 404 `not-found`, 410 `gone`: its body is not kept.
   */
  sign(deliveryId: string, options?: CallOptions): Promise<SignedAgain> {
    return this.#transport.call(
      { method: "POST", path: path`/v1/deliveries/${deliveryId}/sign`, isRepeatable: true },
      options,
    );
  }

  /**
   * Sends a delivery again: any of an owner's last ten, any scheduled one, any parked one. A scheduled
   * delivery is sent now; a delivered or parked one becomes a new delivery with the same event id.
   *
   * The client never repeats this call by itself: the receiver might get the event once for each repetition.
   *
   * @param deliveryId The `delivery_id` of any of its attempts.
   * @returns The UUID of the next attempt.
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
   * Lists parked deliveries, newest first.
   *
   * @param filter `limit` is the size of a page, at most 100.
   * @throws {FluxError} From the iteration, not from this call.
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
   * @param filter The owner; without one, and with the API token, all owners.
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
   * Redelivers parked deliveries, oldest first. Those of disabled or deleted webhooks stay parked.
   *
   * ```ts
   * let remaining: number;
   * do ({ remaining } = await flux.parked.redeliver({ user_id: "u_1" }));
   * while (remaining > 0);
   * ```
   *
   * @param filter With the API token an owner or a webhook is required. `limit` is the maximum number, 1
   *   to 1,000. With `dry_run` nothing changes, and `remaining` is the number that would be redelivered.
   * @returns `remaining`: how many more the same call would redeliver next.
   * @throws {FluxError} 404 `not-found`, 409 `webhook-disabled`, 422 `invalid`.
   */
  redeliver(
    filter: RedeliverParked,
    options?: CallOptions,
  ): Promise<{ redelivered: number; remaining: number }> {
    return this.#transport.call(
      // Safe to repeat: deliveries that a lost answer had redelivered are no longer parked.
      { method: "POST", path: "/v1/parked/redeliver", body: filter, isRepeatable: true },
      options,
    );
  }
}
