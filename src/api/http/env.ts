// What the middlewares pass to a handler.
import type { AuditEntry } from "../../wire/audit.ts";
import type { OwnerRef } from "../../wire/owner.ts";

/** What a caller reaches: `api` everything, `owner` only what belongs to it. */
export type Reach = { kind: "api" } | { kind: "owner"; owner: OwnerRef };

/** The token that a caller has sent, without its text. */
export interface TokenInfo {
  /** `api`: FLUXHOOK_API_TOKEN. `dashboard` and `owner` are signed and expire. `key` is an API key. */
  kind: "api" | "dashboard" | "owner" | "key";
  /** Names it in the audit; of the API tokens their place in the setting. */
  id: string;
  name: string | null;
  readOnly: boolean;
  /** It may make API keys of its owner. */
  mayMakeKeys: boolean;
  expiresAtMs: number | null;
}

export type Principal = Reach & { token: TokenInfo };

export interface ApiEnv {
  /** Bun's server, if the request came through one. */
  Bindings: {
    requestIP?: (request: Request) => { address: string } | null;
    /** How long the connection may stay silent, in seconds. */
    timeout?: (request: Request, seconds: number) => void;
  };
  Variables: {
    /** Set on every route that needs a token. */
    principal: Principal;
    /** What a handler says about its action, for the audit. */
    audit?: {
      owner?: OwnerRef;
      about?: string;
      details?: AuditEntry["details"];
      isDryRun?: boolean;
    };
    /** Set on every route with a body: its exact text. */
    bodyText: string;
    /** The same body before it was decoded. */
    bodyBytes: Uint8Array<ArrayBuffer>;
  };
}
