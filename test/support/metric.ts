// A value of `GET /metrics` of a running service.
import { API_TOKEN, type ServiceProcess } from "./service.ts";

/** Returns the value of a series, such as `fluxhook_slots` or `fluxhook_events_total{result="nobody"}`; null if there is none. */
export async function metricOf(service: ServiceProcess, series: string): Promise<number | null> {
  const headers = { Authorization: `Bearer ${API_TOKEN}` };
  const response = await fetch(`${service.url}/metrics`, { headers });
  return valueIn(await response.text(), series);
}

/** The same in a scrape. */
export function valueIn(text: string, series: string): number | null {
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? null : Number(line.slice(series.length + 1));
}
