// The default: hex HMAC-SHA256 of the raw body in X-Webhook-Signature. With `replay`, id and time are signed too.
import { hexAfter, type Scheme } from "./scheme.ts";

const SIGNATURE = "x-webhook-signature";
const ID = "x-webhook-id";
const TIME = "x-webhook-timestamp";

function candidatesOf(headers: Headers): string[] {
  const value = headers.get(SIGNATURE);
  return value?.startsWith("sha256=") ? hexAfter("sha256=", value) : hexAfter("", value);
}

export const fluxhook: Scheme = {
  algorithm: "sha256",
  encoding: "hex",
  signatureHeaders: [SIGNATURE],
  read: ({ headers, body }) => ({ prefix: "", content: body, candidates: candidatesOf(headers) }),
};

/** Signs `<X-Webhook-Id>.<X-Webhook-Timestamp>.<body>`. */
export const fluxhookWithReplay: Scheme = {
  ...fluxhook,
  signatureHeaders: [SIGNATURE, ID, TIME],
  read({ headers, body }) {
    const id = headers.get(ID) ?? "";
    const time = headers.get(TIME) ?? "";
    return {
      prefix: `${id}.${time}.`,
      content: body,
      // With a dot in the id, the signed text could be split elsewhere.
      candidates: /^[^.]{1,256}$/.test(id) ? candidatesOf(headers) : [],
      signedAt: time,
      id,
    };
  },
};
