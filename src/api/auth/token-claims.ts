// What a signed token says of itself.
import type { Reach } from "../http/env.ts";

export interface TokenClaims {
  reach: Reach;
  /** Names the token in the audit; empty for a token of the version before. */
  id: string;
  name: string | null;
  readOnly: boolean;
  /** It may make API keys of its owner. */
  mayMakeKeys: boolean;
  issuedAtMs: number;
  expiresAtMs: number;
}
