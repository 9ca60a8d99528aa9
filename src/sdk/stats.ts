// What the service does now, and what it did in the last hour or day. Needs the API token.
import type { Series, Stats } from "./api-types.ts";
import { streamEvents, type FollowOptions } from "./stream.ts";
import { type CallOptions, type Transport } from "./transport.ts";

export type { Series, Stats } from "./api-types.ts";

export class ServiceFigures {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Returns lists, workers, webhooks, Valkey, and what needs the operator, of all replicas.
   *
   * ```ts
   * const { needs } = await flux.stats.get();
   * ```
   *
   * @throws {FluxError}
   */
  get(options?: CallOptions): Promise<Stats> {
    return this.#transport.call({ method: "GET", path: "/v1/stats", isRepeatable: true }, options);
  }

  /**
   * Yields the same every two seconds, until the caller leaves the loop. It connects again by itself after any
   * break.
   *
   * ```ts
   * for await (const { needs } of flux.stats.follow()) console.log(needs.length);
   * ```
   *
   * @throws {FluxError} The service refuses, or there is no answer to the first request.
   */
  async *follow(
    options: Pick<FollowOptions, "signal"> = {},
  ): AsyncGenerator<Stats, void, undefined> {
    for await (const { event, data } of streamEvents(this.#transport, { stats: "true" }, options)) {
      if (event === "stats") yield data;
    }
  }

  /**
   * Returns columns of numbers: an hour in steps of 10 s, or a day in steps of a minute.
   *
   * ```ts
   * const { series } = await flux.stats.series("24h");
   * const delivered = series.delivered.reduce((sum, n) => sum + (n ?? 0), 0);
   * ```
   *
   * @throws {FluxError}
   */
  series(range: "1h" | "24h" = "1h", options?: CallOptions): Promise<Series> {
    const call = {
      method: "GET",
      path: "/v1/series",
      query: { range },
      isRepeatable: true,
    } as const;
    return this.#transport.call(call, options);
  }
}
