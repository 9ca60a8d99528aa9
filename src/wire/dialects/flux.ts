// The dialect whose signature covers the time (docs/design.md §2.3), in Stripe's form:
// `t=<unix seconds>,v1=<hex>`, with one `v1` for each secret of a rotation.
import { DATA, DEFAULTS, EVENT_ID, EVENT_TYPE, type Dialect } from "./dialect.ts";

const ID_PREFIX = "evt_";

export const flux: Dialect = {
  ...DEFAULTS,
  name: "flux",
  catalogue: [],

  messageId,

  body: {
    id: { ...EVENT_ID, pattern: `^${ID_PREFIX}` },
    type: EVENT_TYPE,
    created: { type: "integer", description: "Unix seconds, when it happened" },
    data: DATA,
  },

  envelope({ id, type, timestamp, data }) {
    const created = unixSecondsOf(timestamp);
    const head = JSON.stringify({ id: messageId(id), type, created });
    return `${head.slice(0, -1)},"data":${data}}`;
  },

  headers: {},

  ownSignature: {
    header: "Flux-Signature",
    prefix: (unixSeconds) => `${unixSeconds}.`,
    write: (signatures, unixSeconds) =>
      [`t=${unixSeconds}`, ...signatures.map((signature) => `v1=${signature}`)].join(","),
    read(value) {
      const times: string[] = [];
      const signatures: string[] = [];
      for (const part of value.split(",").map((text) => text.trim())) {
        if (part.startsWith("t=")) times.push(part.slice("t=".length));
        else if (part.startsWith("v1=")) signatures.push(part.slice("v1=".length));
      }
      return { signatures, unixSeconds: readTime(times) };
    },
  },
};

/** Adds the prefix unless the id has it, as the ids that Fluxhook generates do. */
function messageId(eventId: string): string {
  return eventId.startsWith(ID_PREFIX) ? eventId : ID_PREFIX + eventId;
}

/**
 * Accepts only the text that `write` makes of a time: another text for the same number would verify
 * although it was not signed. With two times it is unknown which one the signature covers.
 */
function readTime([time = "", ...more]: readonly string[]): number {
  const unixSeconds = Number(time);
  return more.length === 0 && String(unixSeconds) === time ? unixSeconds : Number.NaN;
}

/** RFC 3339 §5.7 allows second 60, which Date refuses. In Unix time it equals second 0 of the next minute. */
function unixSecondsOf(timestamp: string): number {
  const isLeap = timestamp.slice(17, 19) === "60";
  const text = isLeap ? `${timestamp.slice(0, 17)}59${timestamp.slice(19)}` : timestamp;
  return Math.floor(Date.parse(text) / 1_000) + (isLeap ? 1 : 0);
}
