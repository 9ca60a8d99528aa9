// Stores alerts in a capped list, newest first, and publishes them on the channel of the same name
// (docs/design.md, "Keys").
import type { SharedKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import { Script } from "../connection/script.ts";
import alertText from "../scripts/alert.lua" with { type: "text" };

const alertScript = new Script(alertText);

const MAX_ALERTS = 1_000;
const TTL_MS = 7 * 86_400_000;
/** At most one alert of a kind per webhook or queue in this interval. */
export const ALERT_EVERY_MS = 600_000;

export class AlertStore {
  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
  ) {}

  /** Returns whether this caller may raise the alert: no process has within `ALERT_EVERY_MS`. */
  async mayRaise(kind: string, about: string): Promise<boolean> {
    const won = await this.link.run((client) =>
      client.set(this.keys.alerted(kind, about), "1", "PX", ALERT_EVERY_MS, "NX"),
    );
    return won === "OK";
  }

  async raise(alert: object): Promise<void> {
    await this.link.run((client) =>
      alertScript.run(client, [this.keys.alerts], [MAX_ALERTS, TTL_MS, JSON.stringify(alert)]),
    );
  }
}
