// An owner's last delivery attempts.
import { path, type CallOptions, type Transport } from "./transport.ts";

/** One attempt of a delivery. */
export interface LogEntry {
  /** UUID of this attempt, as in the delivery header; `deliveries.redeliver` takes it. */
  delivery_id: string;
  webhook_id: string;
  /** The event's id. */
  id: string;
  /** The webhook's url without query string and credentials. */
  endpoint: string;
  /** The event type. */
  event: string;
  /** Null where no response came. */
  status_code: number | null;
  /** From the start of the attempt to the response headers, in milliseconds. */
  duration_ms: number;
  /** 1 for the first. */
  attempt: number;
  /**
   * `unreadable`: no attempt, but an element that another program put into the log; its other fields
   * are empty and `raw` has what it is.
   */
  outcome: "delivered" | "retry" | "parked" | "unreadable";
  /** Why it was not delivered: `timeout`, `dns`, `http-500`, …; null where it was. */
  reason: string | null;
  /** The host that a redirect (`http-3xx`) leads to; absent where it may be an internal one. */
  redirect_host?: string | undefined;
  /** RFC 3339; set where the outcome is `retry`. */
  next_attempt_at: string | null;
  /** RFC 3339, when the attempt began. */
  timestamp: string;
  /** Of `unreadable`: what is wrong with the element. */
  message?: string;
  /** Of `unreadable`: the element's first 4 KiB. */
  raw?: string;
  /** The same, where it is not UTF-8. */
  raw_base64?: string;
}

export class Logs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * The last attempts for an owner's webhooks (ten, unless the service keeps more), newest first.
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
