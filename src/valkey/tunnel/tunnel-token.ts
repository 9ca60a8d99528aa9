// Makes the token in the URL of a session of `fluxhook listen`, and the session's name from it. The name is part of
// its webhook's url, and so in logs; the token cannot be derived from it (guarantee 9).
import { hash, randomBytes } from "node:crypto";

/** 192 bits cannot be guessed. */
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
