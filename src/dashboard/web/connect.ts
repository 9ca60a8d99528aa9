// Asks the API what a token is, and begins the session with it. The API token is exchanged at once for a
// dashboard token, which expires, and is forgotten.
import type { Me, Token, TokenCreate } from "../../sdk/api-types.ts";
import { isPortal } from "./boot.ts";
import { call, endOf, Refused, refusedOf } from "./client.ts";
import type { Owner } from "./principal.ts";
import { begin, end, isConnecting, sameOwner } from "./session.ts";

const AGAIN_AFTER_MS = 2_000;

export interface ConnectOptions {
  /** Of the dashboard token that an API token is exchanged for. */
  readOnly?: boolean;
  name?: string;
  /** Another owner's token is ignored. */
  only?: Owner | null;
}

/** @throws Refused */
export async function connect(token: string, options: ConnectOptions = {}): Promise<void> {
  const me = await call<Me>("GET", "/v1/me", undefined, { token });
  const owner = ownerOf(me);
  if (isPortal && owner === null) throw new Refused(401, "unauthorized", "no owner's token");
  if (options.only && !sameOwner(options.only, owner)) return;
  if (me.kind === "api") return connect(await exchanged(token, options));
  begin({
    token,
    owner,
    expiresAtMs: me.expires_at === null ? null : Date.parse(me.expires_at),
    name: me.name,
    readOnly: me.read_only,
    mayMakeKeys: me.api_keys,
  });
}

/** With a token from the address or the tab: there is nobody yet who could be told that it was refused. */
export async function resume(token: string): Promise<void> {
  isConnecting.value = true;
  try {
    for (;;) {
      try {
        return await connect(token);
      } catch (error) {
        const refused = refusedOf(error);
        if (refused.status === 401) return end(endOf(refused));
        if (refused.status !== 0 && refused.status < 500) return end("refused");
        // The page says that nothing answers, and goes on by itself.
        await new Promise((done) => setTimeout(done, AGAIN_AFTER_MS));
      }
    }
  } finally {
    isConnecting.value = false;
  }
}

async function exchanged(token: string, { readOnly, name }: ConnectOptions): Promise<string> {
  const wanted: TokenCreate = {
    dashboard: true,
    ...(readOnly && { read_only: true }),
    ...(name && { name }),
  };
  return (await call<Token>("POST", "/v1/tokens", wanted, { token })).token;
}

function ownerOf({ user_id, org_id }: Me): Owner | null {
  if (user_id !== undefined) return { kind: "user", id: user_id };
  return org_id === undefined ? null : { kind: "org", id: org_id };
}
