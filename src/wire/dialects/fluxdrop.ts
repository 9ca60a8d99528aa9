// The default dialect (DESIGN §2.3): its own signature covers the raw body alone.
import { DEFAULTS, type Dialect } from "./dialect.ts";

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
