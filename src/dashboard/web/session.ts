// Who is signed in. The token comes by the form or in the fragment of a link, which is taken out of the
// address at once. A scoped token is kept for the tab; the API token only in this page's memory.
import { signal } from "@preact/signals";
import { config, isPortal } from "./boot.ts";
import type { Owner } from "./principal.ts";
import { replaceRoute } from "./route.ts";

export interface Session {
  token: string;
  /** Null for the API token, which sees all. */
  owner: Owner | null;
  /** Null where it does not expire. */
  expiresAtMs: number | null;
}

export type SessionEnd = "signed-out" | "expired" | "refused";

export const session = signal<Session | null>(null);
export const lastEnd = signal<SessionEnd | null>(null);

const STORED = `fluxhook:${config.page}`;
/** The token, and the route to go to. */
const FRAGMENT = /^#token=([^&]+)(?:&to=(%2F[^&]*))?$/;

/** Reads the fragment, else what the tab has kept. */
export function openSession(): void {
  if (takeFragment()) return;
  const stored = storage()?.getItem(STORED);
  if (stored) start(stored);
}

/** Returns whether the address held a token. It is gone from address and history when this returns. */
export function takeFragment(): boolean {
  const [, token, to = "%2F"] = FRAGMENT.exec(location.hash) ?? [];
  if (token === undefined) return false;
  replaceRoute(`#${decodeURIComponent(to)}`);
  start(decodeURIComponent(token));
  return true;
}

export function start(token: string): void {
  const claims = claimsOf(token);
  if (isPortal && claims === null) return end("refused");
  session.value = {
    token,
    owner: claims && { kind: claims.kind, id: claims.id },
    expiresAtMs: claims?.exp ?? null,
  };
  lastEnd.value = null;
  // The API token never ends, so it must not lie anywhere.
  if (claims) storage()?.setItem(STORED, token);
}

export function end(why: SessionEnd): void {
  session.value = null;
  lastEnd.value = why;
  storage()?.removeItem(STORED);
}

export function sameOwner(a: Owner | null, b: Owner | null): boolean {
  return a?.kind === b?.kind && a?.id === b?.id;
}

interface Claims extends Owner {
  exp: number;
}

/** What a scoped token says of itself; the API judges whether it is true. Null: no scoped token. */
export function claimsOf(token: string): Claims | null {
  const [, encoded] = /^fht_([A-Za-z0-9_-]+)\./.exec(token) ?? [];
  if (encoded === undefined) return null;
  try {
    const binary = atob(encoded.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) as Claims;
  } catch {
    return null;
  }
}

/** In a frame of another site the mere reading throws, where the browser keeps nothing for it. */
function storage(): Storage | null {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
