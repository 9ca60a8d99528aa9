// Checks a request's signature claim. The rules come from wire/verify.ts; only the HMAC differs, because
// Web Crypto's is asynchronous.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { hexKeyBytes } from "../wire/secret.ts";
import type { Hmac, Signer } from "../wire/signature.ts";
import {
  includesSecretly,
  ownToMatch,
  standardToMatch,
  type Verification,
} from "../wire/verify.ts";
import type { SignatureClaim } from "./signature-claim.ts";

export interface Secret {
  text: string;
  signer: Signer;
}

export interface When {
  nowSeconds: number;
  toleranceSeconds?: number;
}

const hmacSha256 = (key: Uint8Array, content: Uint8Array) => hmac(sha256, key, content);
/** `content` includes the text that is signed before the body. */
const standardHmac: Hmac = (key, _prefix, content) => hmacSha256(key, content);

export function matchClaim(
  claim: Exclude<SignatureClaim, { kind: "missing" }>,
  body: Uint8Array,
  secrets: readonly Secret[],
  when: When,
): Verification {
  switch (claim.kind) {
    case "unknown-form":
      return { ok: false, failure: "no-matching-signature", header: claim.header };
    case "standard": {
      const toMatch = standardToMatch(claim.read, body, when);
      return matching(toMatch, secrets, ({ signer }, content) =>
        signer.standardWith(standardHmac, "", content),
      );
    }
    case "own": {
      const toMatch = ownToMatch(claim.ownSignature, claim.value, body, when);
      return matching(toMatch, secrets, ({ text }, content) =>
        bytesToHex(hmacSha256(hexKeyBytes(text), content)),
      );
    }
  }
}

/** Tries every secret, so that the time taken does not reveal which one matched. */
function matching(
  claim: ReturnType<typeof standardToMatch>,
  secrets: readonly Secret[],
  expectedBy: (secret: Secret, content: Uint8Array) => string,
): Verification {
  if (!claim.ok) return claim;
  const { header, content, candidates } = claim;
  let isFound = false;
  for (const secret of secrets) {
    isFound = includesSecretly(candidates, expectedBy(secret, content)) || isFound;
  }
  return isFound ? { ok: true } : { ok: false, failure: "no-matching-signature", header };
}
