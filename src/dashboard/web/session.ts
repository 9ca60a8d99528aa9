// Who is signed in. The token comes by the form or in the fragment of a link, which is taken out of the
// address at once, and is kept for the tab. The API token is never kept: connect.ts exchanges it.
import { computed, signal } from "@preact/signals";
import { config } from "./boot.ts";
import type { Owner } from "./principal.ts";
import { replaceRoute } from "./route.ts";

export interface Session {
  token: string;
  /** Null for the operator, who sees all. */
  owner: Owner | null;
  /** Null where it does not expire. */
  expiresAtMs: number | null;
  /** Of the token, for whoever has several pages open. */
  name: string | null;
  readOnly: boolean;
  /** It makes API keys: of its owner, or of any owner. */
  mayMakeKeys: boolean;
}

export type SessionEnd = "signed-out" | "expired" | "refused";

export const session = signal<Session | null>(null);
export const lastEnd = signal<SessionEnd | null>(null);
/** A token was found, and the API has not said yet whose it is. */
export const isConnecting = signal(false);

/** False for a read-only token: buttons that it could not use are not shown. The API decides. */
export const mayWrite = computed(() => session.value?.readOnly === false);

const STORED = `fluxhook:${config.page}`;
/** The token, and the route to go to. */
const FRAGMENT = /^#token=([^&]+)(?:&to=(%2F[^&]*))?$/;

/** Returns the token in the address. It is gone from address and history when this returns. */
export function takeFragment(): string | null {
  const [, token, to = "%2F"] = FRAGMENT.exec(location.hash) ?? [];
  if (token === undefined) return null;
  replaceRoute(`#${decodeURIComponent(to)}`);
  return decodeURIComponent(token);
}

/** Returns the token that the tab has kept. */
export function keptToken(): string | null {
  return storage()?.getItem(STORED) ?? null;
}

export function begin(started: Session): void {
  session.value = started;
  lastEnd.value = null;
  // What never ends must not lie anywhere.
  if (started.expiresAtMs !== null) storage()?.setItem(STORED, started.token);
}

export function end(why: SessionEnd): void {
  session.value = null;
  lastEnd.value = why;
  storage()?.removeItem(STORED);
}

export function sameOwner(a: Owner | null, b: Owner | null): boolean {
  return a?.kind === b?.kind && a?.id === b?.id;
}

/** In a frame of another site the mere reading throws, where the browser keeps nothing for it. */
function storage(): Storage | null {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
