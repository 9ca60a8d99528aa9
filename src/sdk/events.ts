// Events, as a producer gives them, and over HTTP.
import type { Event } from "./api-types.ts";
import type { CallOptions, Transport } from "./transport.ts";

interface EventFields extends Omit<Event, "user_id" | "org_id" | "data" | "timestamp"> {
  /** Goes out as JSON.stringify writes it, in this order. */
  data: object;
  /** RFC 3339, when it happened; now, where it is missing. */
  timestamp?: string | Date;
}

/** Whose webhooks get it: a user's, an organisation's, or both. */
export type EventInput = EventFields &
  ({ user_id: string; org_id?: string } | { user_id?: string; org_id: string });

export class Events {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Pushes one event, or up to 1,000: all or none of them.
   *
   * ```ts
   * const { ids } = await flux.events.send({
   *   user_id: "u_1",
   *   event: "file.created",
   *   data: { file_id: "f_1" },
   * });
   * ```
   *
   * It carries an `Idempotency-Key` of its own, so it is safely sent again where the answer is lost
   * or is 503. Where it gives up, the error's `idempotencyKey` lets you go on later, with the very
   * same events, without pushing any twice: for 24 hours.
   *
   * @param idempotencyKey One of your own, 1 to 255 visible ASCII characters.
   * @returns The ids, in the order given.
   * @throws {FluxError} 422 `invalid`, with one entry in `errors` for each fault; 413 `too-large`;
   *   409 `key-reused`: the key was used with other events.
   */
  send(
    events: EventInput | readonly EventInput[],
    {
      idempotencyKey = crypto.randomUUID(),
      ...options
    }: CallOptions & { idempotencyKey?: string } = {},
  ): Promise<{ ids: string[] }> {
    return this.#transport.call(
      { method: "POST", path: "/v1/events", body: events, idempotencyKey, isRepeatable: true },
      options,
    );
  }
}
