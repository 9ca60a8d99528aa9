// Standard Webhooks 1.0.0 alone (docs/design.md §2.3): the id is in `webhook-id`, the signature in
// `webhook-signature`, which every dialect sends.
import { DATA, DEFAULTS, EVENT_TYPE, TIMESTAMP, type Dialect } from "./dialect.ts";

export const standard: Dialect = {
  ...DEFAULTS,
  name: "standard",
  catalogue: [],

  body: { type: EVENT_TYPE, timestamp: TIMESTAMP, data: DATA },

  envelope({ type, timestamp, data }) {
    const head = JSON.stringify({ type, timestamp });
    return `${head.slice(0, -1)},"data":${data}}`;
  },

  headers: {},

  ownSignature: null,
};
