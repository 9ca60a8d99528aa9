// Stores alerts in a capped list, newest first, and publishes them on the channel of the same name
// (docs/design.md, "Keys").
import { alertSchema, type Alert } from "../../wire/alert.ts";
import { readObject } from "../foreign.ts";
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

  /**
   * Returns a page of the alerts that match, the newest first. `after` is the id of the last one of the page
   * before; if it has fallen out of the list, so have all that were older.
   */
  async list(
    matches: (alert: Alert) => boolean,
    { after, limit }: { after: string | null; limit: number },
  ): Promise<{ alerts: Alert[]; next: string | null }> {
    const elements = await this.link.run((client) =>
      client.lrangeBuffer(this.keys.alerts, 0, MAX_ALERTS - 1),
    );
    const found: Alert[] = [];
    let hasBegun = after === null;
    for (const element of elements) {
      const alert = readAlert(element);
      // Any program may push onto the list.
      if (alert === null) continue;
      if (!hasBegun) {
        hasBegun = alert.id === after;
        continue;
      }
      if (!matches(alert)) continue;
      if (found.length === limit) return { alerts: found, next: found.at(-1)?.id ?? null };
      found.push(alert);
    }
    return { alerts: found, next: null };
  }

  async raise(alert: object): Promise<void> {
    await this.link.run((client) =>
      alertScript.run(client, [this.keys.alerts], [MAX_ALERTS, TTL_MS, JSON.stringify(alert)]),
    );
  }
}

function readAlert(element: Buffer): Alert | null {
  const read = alertSchema.safeParse(readObject(element));
  return read.success ? read.data : null;
}
