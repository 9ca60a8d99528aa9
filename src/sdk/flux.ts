// The client of the HTTP API.
import { Alerts, search, type SearchResult } from "./alerts.ts";
import { Configs } from "./configs.ts";
import { Deliveries, Parked } from "./deliveries.ts";
import { Events } from "./events.ts";
import { Executions } from "./executions.ts";
import { Logs } from "./logs.ts";
import { Owners } from "./owners.ts";
import { ServiceFigures } from "./stats.ts";
import { Tokens } from "./tokens.ts";
import { Transport, type CallOptions, type FluxOptions } from "./transport.ts";
import { Webhooks } from "./webhooks.ts";
import { Workflows } from "./workflows.ts";

/**
 * The client of a Fluxhook service.
 *
 * ```ts
 * import { Flux } from "fluxhook";
 *
 * const flux = new Flux({ apiKey: token, baseUrl: "http://127.0.0.1:8585" });
 * const { id, secret } = await flux.webhooks.create({ user_id: "u_1", url, events: ["file.*"] });
 * ```
 *
 * Data has the API's names (`user_id`). Every call takes `{ signal, timeoutMs }` as last argument,
 * rejects with a `FluxError`, and is repeated if that is safe (`retries`). Verifying needs no client: use
 * the function `verify`.
 */
export class Flux {
  readonly webhooks: Webhooks;
  readonly configs: Configs;
  readonly logs: Logs;
  readonly events: Events;
  readonly deliveries: Deliveries;
  readonly parked: Parked;
  readonly tokens: Tokens;
  readonly owners: Owners;
  readonly executions: Executions;
  readonly workflows: Workflows;
  readonly stats: ServiceFigures;
  readonly alerts: Alerts;
  readonly #transport: Transport;

  /** @throws {TypeError} An option is invalid: the token, the address, the time-out or the retries. */
  constructor(options: FluxOptions) {
    const transport = new Transport(options);
    this.webhooks = new Webhooks(transport);
    this.configs = new Configs(transport);
    this.logs = new Logs(transport);
    this.events = new Events(transport);
    this.deliveries = new Deliveries(transport);
    this.parked = new Parked(transport);
    this.tokens = new Tokens(transport);
    this.owners = new Owners(transport);
    this.executions = new Executions(transport);
    this.workflows = new Workflows(transport);
    this.stats = new ServiceFigures(transport);
    this.alerts = new Alerts(transport);
    this.#transport = transport;
  }

  /**
   * Finds webhooks, owners, deliveries and events by an id, or by a part of a webhook's URL, description or
   * owner. With a scoped token only what belongs to its owner.
   *
   * @throws {FluxError}
   */
  search(text: string, options?: CallOptions): Promise<SearchResult> {
    return search(this.#transport, text, options);
  }
}
