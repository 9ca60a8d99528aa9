// What each dialect sends beside the three headers of Standard Webhooks, for choosing among them.
import type { DialectName } from "../../wire/dialects/registry.ts";

export interface DialectSample {
  name: DialectName;
  title: string;
  /** Of an event `file.created`, as one request has them. */
  headers: readonly [name: string, value: string][];
  body: string;
}

const UUID = "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001";

export const STANDARD_HEADERS: readonly [name: string, value: string][] = [
  ["webhook-id", "evt_3vJ8kQm2ZpXr6Tn0YbLcW9dA"],
  ["webhook-timestamp", "1767323045"],
  ["webhook-signature", "v1,<base64 HMAC-SHA256 of id.timestamp.body>"],
];

export const DIALECTS: readonly DialectSample[] = [
  {
    name: "fluxdrop",
    title: "Fluxdrop (default)",
    headers: [
      ["X-Fluxdrop-Event", "file.created"],
      ["X-Fluxdrop-Delivery", UUID],
      ["X-Fluxdrop-Timestamp", "1767323045"],
      ["X-Fluxdrop-Signature", "<hex HMAC-SHA256 of the body>"],
    ],
    body: '{"id":"evt_…","event":"file.created","timestamp":"2026-01-02T03:04:05Z","data":{…}}',
  },
  {
    name: "fluxdesk",
    title: "FluxDesk: notifications, 8 s time-out",
    headers: [
      ["X-FluxDesk-Event-Type", "file.created"],
      ["X-FluxDesk-Delivery-Id", UUID],
      ["X-FluxDesk-Signature", "v1=<hex HMAC-SHA256 of the body>"],
    ],
    body: '{"version":1,"id":"evt_…","type":"file.created","title":"…","timestamp":"2026-01-02T03:04:05Z","data":{…}}',
  },
  {
    name: "flux",
    title: "Flux: the time is inside the signature",
    headers: [["Flux-Signature", 't=1767323045,v1=<hex HMAC-SHA256 of "t.body">']],
    body: '{"id":"evt_…","type":"file.created","created":1767323045,"data":{…}}',
  },
  {
    name: "standard",
    title: "Standard Webhooks 1.0.0 alone",
    headers: [],
    body: '{"type":"file.created","timestamp":"2026-01-02T03:04:05Z","data":{…}}',
  },
];

export function sampleOf(name: DialectName): DialectSample | undefined {
  return DIALECTS.find((dialect) => dialect.name === name);
}
