// Shopify: https://shopify.dev/docs/apps/build/webhooks/subscribe/https
import type { Scheme } from "./scheme.ts";

const SIGNATURE = "x-shopify-hmac-sha256";
/** 32 bytes in base64. */
const FORM = /^[A-Za-z0-9+/]{43}=$/;

export const shopify: Scheme = {
  algorithm: "sha256",
  encoding: "base64",
  signatureHeaders: [SIGNATURE],
  read({ headers, body }) {
    const value = headers.get(SIGNATURE) ?? "";
    return {
      prefix: "",
      content: body,
      candidates: FORM.test(value) ? [value] : [],
      id: headers.get("x-shopify-webhook-id"),
    };
  },
};
