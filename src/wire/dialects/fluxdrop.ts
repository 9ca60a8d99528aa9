// The default dialect (DESIGN §2.3): its own signature covers the raw body alone.
import type { Dialect } from "./dialect.ts";

const MINUTE_MS = 60_000;

export const fluxdrop: Dialect = {
  name: "fluxdrop",
  timeoutMs: 10_000,
  retryScheduleMs: [0, MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 120 * MINUTE_MS],
  disableRule: { failing_for: "5d" },
  catalogue: [
    "file.created",
    "file.deleted",
    "file.downloaded",
    "share.linked",
    "share.deleted",
    "org.userAdded",
    "org.userRemoved",
    "org.updated",
    "org.permissionChanged",
    "storage.exceeded",
  ],

  envelope({ id, type, timestamp, data }) {
    const head = JSON.stringify({ id, event: type, timestamp });
    return `${head.slice(0, -1)},"data":${data}}`;
  },

  headers({ eventType, deliveryId, unixSeconds }) {
    return {
      "X-Fluxdrop-Event": eventType,
      "X-Fluxdrop-Delivery": deliveryId,
      "X-Fluxdrop-Timestamp": String(unixSeconds),
    };
  },

  ownSignature: {
    header: "X-Fluxdrop-Signature",
    prefix: () => "",
    write: ([newest = ""]) => newest,
    read: (value) => ({ signatures: [value], unixSeconds: null }),
  },
};
