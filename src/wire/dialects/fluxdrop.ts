// The default dialect (docs/design.md §2.3): its own signature covers the raw body alone.
import { DATA, DEFAULTS, EVENT_ID, EVENT_TYPE, TIMESTAMP, type Dialect } from "./dialect.ts";

export const fluxdrop: Dialect = {
  ...DEFAULTS,
  name: "fluxdrop",
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

  body: { id: EVENT_ID, event: EVENT_TYPE, timestamp: TIMESTAMP, data: DATA },

  envelope({ id, type, timestamp, data }) {
    const head = JSON.stringify({ id, event: type, timestamp });
    return `${head.slice(0, -1)},"data":${data}}`;
  },

  headers: {
    "X-Fluxdrop-Event": ({ eventType }) => eventType,
    "X-Fluxdrop-Delivery": ({ deliveryId }) => deliveryId,
    "X-Fluxdrop-Timestamp": ({ unixSeconds }) => String(unixSeconds),
  },

  ownSignature: {
    header: "X-Fluxdrop-Signature",
    prefix: () => "",
    write: ([newest = ""]) => newest,
    read: (value) => ({ signatures: [value], unixSeconds: null }),
  },
};
