// Meta (WhatsApp, Messenger, Instagram): signs like GitHub, and asks once, by GET, whether the receiver knows the
// verify token: https://developers.facebook.com/docs/graph-api/webhooks/getting-started
import { hash, timingSafeEqual } from "node:crypto";
import { hexAfter, type Scheme } from "./scheme.ts";

const SIGNATURE = "x-hub-signature-256";

export const meta: Scheme = {
  algorithm: "sha256",
  encoding: "hex",
  signatureHeaders: [SIGNATURE, "x-hub-signature"],
  read: ({ headers, body }) => ({
    prefix: "",
    content: body,
    candidates: hexAfter("sha256=", headers.get(SIGNATURE)),
  }),
};

/** Whether the query is the question of Meta; other GET requests are answered 405. */
export function isMetaQuestion(query: URLSearchParams): boolean {
  return query.get("hub.mode") === "subscribe" && query.has("hub.verify_token");
}

/** Returns the challenge, which is the answer, or null if the token is not `verifyToken`. */
export function metaChallenge(
  query: URLSearchParams,
  verifyToken: string | undefined,
): string | null {
  const given = hash("sha256", query.get("hub.verify_token") ?? "", "buffer");
  const expected = hash("sha256", verifyToken ?? crypto.randomUUID(), "buffer");
  // Hashes have equal length, so the time reveals neither the length nor a prefix.
  const isRight = timingSafeEqual(given, expected);
  return isRight && verifyToken !== undefined ? (query.get("hub.challenge") ?? "") : null;
}
