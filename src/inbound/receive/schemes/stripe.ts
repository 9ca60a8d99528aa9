// Stripe: `Stripe-Signature: t=<time>,v1=<hex>[,v1=<hex>]`: https://docs.stripe.com/webhooks/signature
import { hexAfter, type Scheme } from "./scheme.ts";

const SIGNATURE = "stripe-signature";
const MAX_LENGTH = 4_096;

export const stripe: Scheme = {
  algorithm: "sha256",
  encoding: "hex",
  signatureHeaders: [SIGNATURE],
  read({ headers, body }) {
    const value = headers.get(SIGNATURE) ?? "";
    const parts = value.length > MAX_LENGTH ? [] : value.split(",").map((part) => part.trim());
    const times = parts.filter((part) => part.startsWith("t="));
    const time = times.length === 1 ? (times[0] ?? "").slice("t=".length) : "";
    return {
      prefix: `${time}.`,
      content: body,
      candidates: parts.flatMap((part) => hexAfter("v1=", part)),
      signedAt: time,
    };
  },
  idIn: ["id"],
};
