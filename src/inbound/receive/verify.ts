// Decides whether a request is signed with a secret of its workflow. A request that is refused takes the same steps
// with secrets that nobody knows, so that neither the answer nor its time reveals whether a workflow exists, and how
// it is verified.
import { MAX_SECRETS } from "../../control/rotate-secret.ts";
import { includesSecretly, TOLERANCE_SECONDS } from "../../wire/verify.ts";
import type { KnownWorkflow } from "./directory.ts";
import { fluxhook } from "./schemes/fluxhook.ts";
import type { Claim, Scheme, SignedRequest } from "./schemes/scheme.ts";
import { twilio } from "./schemes/twilio.ts";

export type Verified = { ok: true; claim: Claim } | { ok: false };

/** The secret of a workflow that does not exist. */
const DECOY = crypto.getRandomValues(new Uint8Array(32));
/** One for each kind of signed content: the body, and the URL with the fields of a form. */
const KINDS: readonly Scheme[] = [fluxhook, twilio];

export function verifyRequest(
  workflow: KnownWorkflow | undefined,
  request: SignedRequest,
  nowMs: number,
): Verified {
  const scheme = workflow?.scheme ?? fluxhook;
  const keys = workflow?.keysAt(nowMs) ?? [];
  const claim = scheme.read(request);
  let isSigned = false;
  for (const key of keys) {
    isSigned = includesSecretly(claim.candidates, signature(scheme, key, claim)) || isSigned;
  }
  if (isSigned && isOnTime(claim, nowMs)) return { ok: true, claim };
  for (const kind of KINDS) {
    const isOwn = kind.algorithm === scheme.algorithm;
    const tried = isOwn ? keys.length : 0;
    computeUnused(kind, isOwn ? claim : kind.read(request), MAX_SECRETS - tried);
  }
  return { ok: false };
}

function computeUnused(scheme: Scheme, claim: Claim, times: number): void {
  for (let nth = 0; nth < times; nth++) {
    includesSecretly(claim.candidates, signature(scheme, DECOY, claim));
  }
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
