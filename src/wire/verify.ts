// Verifies signatures, for receivers: the SDK, `listen`, `verify` and the inbound route. A wrong request
// is a value; only a malformed secret throws.
import type { Dialect, OwnSignature } from "./dialects/dialect.ts";
import { hexHmac, Signer, standardContent, withPrefix } from "./signature.ts";

/** Maximum difference between a request's time and ours, as in the libraries of Standard Webhooks. */
export const TOLERANCE_SECONDS = 300;

/** Limits how many signatures of one header are compared; no rotation makes more. */
const MAX_CANDIDATES = 32;

export type VerificationFailure =
  "missing-header" | "bad-id" | "bad-timestamp" | "too-old" | "too-new" | "no-matching-signature";

export type Verification =
  { ok: true } | { ok: false; failure: VerificationFailure; header: string };

/** `Headers` implements it. */
export interface HeaderReader {
  get(name: string): string | null;
}

export interface StandardVerification {
  /** The secret as the user sees it. */
  secret: string | Signer;
  headers: HeaderReader;
  /** The raw body. A body that was parsed and serialized again does not verify. */
  body: Uint8Array | string;
  nowSeconds: number;
  toleranceSeconds?: number;
}

/** Returns true if a candidate is the hex HMAC-SHA256 of `content`, in upper or lower case. */
export async function verifyHex(
  secret: string | Signer,
  content: Uint8Array | string,
  candidates: readonly string[],
): Promise<boolean> {
  const bytes = bytesOf(content);
  const expected = await (typeof secret === "string" ? hexHmac(secret, bytes) : secret.hex(bytes));
  return includesSecretly(
    candidates.map((candidate) => candidate.toLowerCase()),
    expected,
  );
}

type Failed = Extract<Verification, { ok: false }>;
type When = Pick<StandardVerification, "nowSeconds" | "toleranceSeconds">;

/** Everything but the signature is valid; one of the candidates has to match `content`. */
export interface ToMatch {
  ok: true;
  header: string;
  content: Uint8Array;
  candidates: readonly string[];
}

/** Checks the three headers of Standard Webhooks, except the signature itself. */
export function standardToMatch(
  read: (name: string) => string | null | undefined,
  body: Uint8Array,
  when: When,
): ToMatch | Failed {
  const id = read("webhook-id");
  if (!id) return failed("missing-header", "webhook-id");
  const timestamp = read("webhook-timestamp");
  if (!timestamp) return failed("missing-header", "webhook-timestamp");
  const signature = read("webhook-signature");
  if (!signature) return failed("missing-header", "webhook-signature");
  // With a dot in the id, `id.timestamp.body` could be split elsewhere under the same signature.
  if (id.includes(".")) return failed("bad-id", "webhook-id");
  const timeFailure = checkTime(timestamp, when);
  if (timeFailure !== null) return failed(timeFailure, "webhook-timestamp");
  const versions = signature.split(" ").filter((version) => version.startsWith("v1,"));
  return {
    ok: true,
    header: "webhook-signature",
    content: standardContent(id, timestamp, body),
    candidates: versions.map((version) => version.slice("v1,".length)),
  };
}

/** Checks a dialect's own header, except the signature itself. */
export function ownToMatch(
  own: OwnSignature,
  value: string,
  body: Uint8Array,
  when: When,
): ToMatch | Failed {
  const header = own.header.toLowerCase();
  const { signatures, unixSeconds } = own.read(value);
  if (unixSeconds !== null) {
    const timeFailure = checkTime(String(unixSeconds), when);
    if (timeFailure !== null) return failed(timeFailure, header);
  }
  // If the header has no time, `prefix` does not use one.
  const content = withPrefix(own.prefix(unixSeconds ?? 0), body);
  return { ok: true, header, content, candidates: signatures };
}

/** Verifies `webhook-id`, `webhook-timestamp` and `webhook-signature`. */
export async function verifyStandard(request: StandardVerification): Promise<Verification> {
  const signer = signerOf(request.secret);
  const read = (name: string) => request.headers.get(name);
  const claim = standardToMatch(read, bytesOf(request.body), request);
  if (!claim.ok) return claim;
  return includesSecretly(claim.candidates, await signer.standard(claim.content))
    ? { ok: true }
    : failed("no-matching-signature", claim.header);
}

/** Verifies the dialect's own signature, and the time if its header has one. */
export async function verifyOwn(
  request: StandardVerification & { ownSignature: OwnSignature },
): Promise<Verification> {
  const own = request.ownSignature;
  const header = own.header.toLowerCase();
  const value = request.headers.get(header);
  if (!value) return failed("missing-header", header);
  const claim = ownToMatch(own, value, bytesOf(request.body), request);
  if (!claim.ok) return claim;
  return (await verifyHex(request.secret, claim.content, claim.candidates))
    ? { ok: true }
    : failed("no-matching-signature", header);
}

/** Verifies both signatures of a request: the dialect's own and the standard one. */
export async function verifyRequest(
  request: StandardVerification & { dialect: Dialect },
): Promise<Verification> {
  const { ownSignature } = request.dialect;
  const prepared = { ...request, secret: signerOf(request.secret) };
  if (ownSignature !== null) {
    const own = await verifyOwn({ ...prepared, ownSignature });
    if (!own.ok) return own;
  }
  return verifyStandard(prepared);
}

/** Returns what is wrong with a request's time in Unix seconds, or null. */
function checkTime(
  timestamp: string,
  { nowSeconds, toleranceSeconds = TOLERANCE_SECONDS }: When,
): "bad-timestamp" | "too-old" | "too-new" | null {
  if (!/^\d{1,15}$/.test(timestamp)) return "bad-timestamp";
  const age = Math.floor(nowSeconds) - Number(timestamp);
  if (age > toleranceSeconds) return "too-old";
  return age < -toleranceSeconds ? "too-new" : null;
}

/**
 * Compares every candidate in full, so that the time taken does not reveal how much of one was
 * correct. The HMAC is computed once, however many candidates a request has.
 */
export function includesSecretly(candidates: readonly string[], expected: string): boolean {
  let isFound = false;
  for (const candidate of candidates.slice(0, MAX_CANDIDATES)) {
    let difference = candidate.length ^ expected.length;
    for (let at = 0; at < expected.length; at++) {
      difference |= candidate.charCodeAt(at) ^ expected.charCodeAt(at);
    }
    isFound = difference === 0 || isFound;
  }
  return isFound;
}

function failed(failure: VerificationFailure, header: string): Failed {
  return { ok: false, failure, header };
}

function signerOf(secret: string | Signer): Signer {
  return typeof secret === "string" ? new Signer(secret) : secret;
}

function bytesOf(content: Uint8Array | string): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}
