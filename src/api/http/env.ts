// What the middlewares pass to a handler.
import type { OwnerRef } from "../../wire/owner.ts";

/** The caller: `api` reaches everything, `owner` only what belongs to it. */
export type Principal = { kind: "api" } | { kind: "owner"; owner: OwnerRef };

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
    /** Set on every route with a body: its exact text. */
    bodyText: string;
    /** The same body before it was decoded. */
    bodyBytes: Uint8Array<ArrayBuffer>;
  };
}
