// The token in the URL of a session of `fluxhook listen`, and the session's name that is made of it. The
// name stands in the url of its webhook, and so in logs: it does not lead back to the token (guarantee 9).
import { hash, randomBytes } from "node:crypto";

/** 192 bits: nobody guesses it. */
const TOKEN_BYTES = 24;
const NAME_LENGTH = 24;

/** In base64url (RFC 4648 §5). */
export const LISTEN_TOKEN = /^[A-Za-z0-9_-]{32}$/;

export function newListenToken(): string {
  return randomBytes(TOKEN_BYTES).toString("base64url");
}

export function listenSessionOf(token: string): string {
  return hash("sha256", token, "base64url").slice(0, NAME_LENGTH);
}
