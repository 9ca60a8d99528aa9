// Decides whether a request is signed with a secret of its workflow. An unknown workflow takes the same steps with
// a secret that nobody knows, so that neither the answer nor its time tells whether a workflow exists.
import { MAX_SECRETS } from "../../control/rotate-secret.ts";
import { includesSecretly, TOLERANCE_SECONDS } from "../../wire/verify.ts";
import type { KnownWorkflow } from "./directory.ts";
import { fluxhook } from "./schemes/fluxhook.ts";
import type { Claim, Scheme, SignedRequest } from "./schemes/scheme.ts";

export type Verified = { ok: true; claim: Claim } | { ok: false };

/** The secrets of a workflow that does not exist. */
const DECOY: readonly Uint8Array[] = [crypto.getRandomValues(new Uint8Array(32))];

export function verifyRequest(
  workflow: KnownWorkflow | undefined,
  request: SignedRequest,
  nowMs: number,
): Verified {
  const scheme = workflow?.scheme ?? fluxhook;
  const keys = workflow?.keysAt(nowMs) ?? DECOY;
  const claim = scheme.read(request);
  let isSigned = false;
  for (const key of keys) {
    isSigned = includesSecretly(claim.candidates, signature(scheme, key, claim)) || isSigned;
  }
  if (isSigned && isOnTime(claim, nowMs)) return { ok: true, claim };
  // How many secrets a workflow has is not told by the time either.
  for (let at = keys.length; at < MAX_SECRETS; at++) {
    signature(scheme, DECOY[0] ?? new Uint8Array(32), claim);
  }
  return { ok: false };
}

function signature({ algorithm, encoding }: Scheme, key: Uint8Array, claim: Claim): string {
  // Synchronous: Web Crypto takes about 5 µs and wakes a thread (measured, docs/performance.md).
  const hasher = new Bun.CryptoHasher(algorithm, key);
  if (claim.prefix !== "") hasher.update(claim.prefix);
  return hasher.update(claim.content).digest(encoding);
}

function isOnTime({ signedAt }: Claim, nowMs: number): boolean {
  if (signedAt === undefined) return true;
  if (signedAt === null || !/^\d{1,15}$/.test(signedAt)) return false;
  return Math.abs(Math.floor(nowMs / 1_000) - Number(signedAt)) <= TOLERANCE_SECONDS;
}
