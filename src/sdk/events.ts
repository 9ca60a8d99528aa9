// Events as producers write them, and POST /v1/events.
import type { Event, EventTypes, Sample } from "./api-types.ts";
import type { DialectName } from "./webhook.ts";

export type { EventTypes, Sample } from "./api-types.ts";
import type { CallOptions, Transport } from "./transport.ts";

interface EventFields extends Omit<Event, "user_id" | "org_id" | "data" | "timestamp"> {
  /** Sent as JSON.stringify writes it, in this order. */
  data: object;
  /** When it happened, in RFC 3339 or as a Date; default now. */
  timestamp?: string | Date;
}

/** Its owner is a user, an organisation or both: their webhooks receive it. */
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
   * Each call has its own `Idempotency-Key`, so the client can repeat it after a lost answer or a 503.
   * If the client gives up, you can call it again with the error's `idempotencyKey` and the same events
   * for 24 hours, and no event is pushed twice.
   *
   * @param idempotencyKey Your own key: 1 to 255 visible ASCII characters.
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

  /**
   * Returns a sample of an event type: its `data` as text, and the signed request that a receiver gets.
   *
   * @throws {FluxError} 404 `not-found`: no sample of this type is known.
   */
  sample(
    event: string,
    { dialect, ...options }: CallOptions & { dialect?: DialectName } = {},
  ): Promise<Sample> {
    return this.#transport.call(
      { method: "GET", path: "/v1/sample", query: { event, dialect }, isRepeatable: true },
      options,
    );
  }

  /**
   * Lists the event types: those of the operator (`catalogue`) with descriptions and samples, those of
   * each dialect, and which are accepted.
   */
  types(options?: CallOptions): Promise<EventTypes> {
    return this.#transport.call(
      { method: "GET", path: "/v1/event-types", isRepeatable: true },
      options,
    );
  }
}
