// GitHub: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
import { hexAfter, type Scheme } from "./scheme.ts";

const SIGNATURE = "x-hub-signature-256";

export const github: Scheme = {
  algorithm: "sha256",
  encoding: "hex",
  // The second one is the SHA-1 signature, which GitHub still sends.
  signatureHeaders: [SIGNATURE, "x-hub-signature"],
  read: ({ headers, body }) => ({
    prefix: "",
    content: body,
    candidates: hexAfter("sha256=", headers.get(SIGNATURE)),
    id: headers.get("x-github-delivery"),
  }),
};
