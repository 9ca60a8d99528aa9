// The dialect for notifications (docs/design.md §2.3): a title for people, a short time-out, and a
// webhook is disabled after ten failures in a row.
import { objectMembers } from "../json-spans.ts";
import { DATA, DEFAULTS, EVENT_ID, EVENT_TYPE, TIMESTAMP, type Dialect } from "./dialect.ts";

const SCHEME = "v1=";

export const fluxdesk: Dialect = {
  ...DEFAULTS,
  name: "fluxdesk",
  timeoutMs: 8_000,
  // "Ten consecutive 4xx/5xx", by the counter that `health` shows. It also counts time-outs and failed
  // connections, as for every webhook with this rule (docs/design.md §2.4).
  disableRule: { consecutive_failures: 10 },
  catalogue: [
    "task_assigned",
    "task_status",
    "blocker",
    "review",
    "meeting",
    "weekly_digest",
    "team_support.approved",
    "system",
  ],

  body: {
    version: { type: "integer", const: 1 },
    id: EVENT_ID,
    type: EVENT_TYPE,
    title: { type: "string", description: "`data.title` if that is a string, otherwise the type" },
    timestamp: TIMESTAMP,
    data: DATA,
  },

  envelope({ id, type, timestamp, data }) {
    const title = titleText(data) ?? JSON.stringify(type);
    const before = JSON.stringify({ version: 1, id, type });
    return `${before.slice(0, -1)},"title":${title},"timestamp":${JSON.stringify(timestamp)},"data":${data}}`;
  },

  headers: {
    "X-FluxDesk-Event-Type": ({ eventType }) => eventType,
    "X-FluxDesk-Delivery-Id": ({ deliveryId }) => deliveryId,
  },

  ownSignature: {
    header: "X-FluxDesk-Signature",
    prefix: () => "",
    write: ([newest = ""]) => SCHEME + newest,
    read: (value) => ({
      signatures: value.startsWith(SCHEME) ? [value.slice(SCHEME.length)] : [],
      unixSeconds: null,
    }),
  },
};

/**
 * Returns the JSON string of `data.title` exactly as the producer wrote it. If the key is repeated, the
 * last one counts, as it does for a receiver's JSON.parse of `data`.
 */
function titleText(data: string): string | null {
  const title = objectMembers(data).findLast(({ key }) => key === "title");
  if (title === undefined || data[title.start] !== '"') return null;
  return data.slice(title.start, title.end);
}
