// Whether what a request claims is true. What is signed, and how times and signatures are judged, comes
// from wire/; only the HMAC is another one, because Web Crypto's is asynchronous.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { hexKeyBytes } from "../wire/secret.ts";
import { standardContent, withPrefix, type Hmac, type Signer } from "../wire/signature.ts";
import { includesSecretly, judgeTime, type Verification } from "../wire/verify.ts";
import { STANDARD_HEADERS, type SignatureClaim } from "./signature-claim.ts";

export interface Secret {
  text: string;
  signer: Signer;
}

export interface When {
  nowSeconds: number;
  toleranceSeconds?: number;
}

const hmacSha256: Hmac = (key, content) => hmac(sha256, key, content);

export function judgeClaim(
  claim: Exclude<SignatureClaim, { kind: "missing" }>,
  body: Uint8Array,
  secrets: readonly Secret[],
  when: When,
): Verification {
  switch (claim.kind) {
    case "unknown-form":
      return { ok: false, failure: "no-matching-signature", header: claim.header };
    case "standard":
      return judgeStandard(claim, body, secrets, when);
    case "own":
      return judgeOwn(claim, body, secrets, when);
  }
}

function judgeStandard(
  { read }: Extract<SignatureClaim, { kind: "standard" }>,
  body: Uint8Array,
  secrets: readonly Secret[],
  when: When,
): Verification {
  const [id, timestamp, signature] = STANDARD_HEADERS.map(read);
  if (!id) return { ok: false, failure: "missing-header", header: "webhook-id" };
  if (!timestamp) return { ok: false, failure: "missing-header", header: "webhook-timestamp" };
  if (!signature) return { ok: false, failure: "missing-header", header: "webhook-signature" };
  // With a dot in it, `id.timestamp.body` could be cut elsewhere and still carry the signature.
  if (id.includes(".")) return { ok: false, failure: "bad-id", header: "webhook-id" };
  const timeFailure = judgeTime(timestamp, when);
  if (timeFailure !== null) {
    return { ok: false, failure: timeFailure, header: "webhook-timestamp" };
  }
  const content = standardContent(id, timestamp, body);
  const candidates = signature
    .split(" ")
    .filter((version) => version.startsWith("v1,"))
    .map((version) => version.slice("v1,".length));
  return matching("webhook-signature", candidates, secrets, ({ signer }) =>
    signer.standardWith(hmacSha256, content),
  );
}

function judgeOwn(
  { ownSignature, value }: Extract<SignatureClaim, { kind: "own" }>,
  body: Uint8Array,
  secrets: readonly Secret[],
  when: When,
): Verification {
  const header = ownSignature.header.toLowerCase();
  const { signatures, unixSeconds } = ownSignature.read(value);
  if (unixSeconds !== null) {
    const timeFailure = judgeTime(String(unixSeconds), when);
    if (timeFailure !== null) return { ok: false, failure: timeFailure, header };
  }
  // Where the header carries no time, `prefix` has no use for one.
  const content = withPrefix(ownSignature.prefix(unixSeconds ?? 0), body);
  return matching(header, signatures, secrets, ({ text }) =>
    bytesToHex(hmacSha256(hexKeyBytes(text), content)),
  );
}

/** Every secret is tried, so that the time it takes does not tell which one matched. */
function matching(
  header: string,
  candidates: readonly string[],
  secrets: readonly Secret[],
  expectedBy: (secret: Secret) => string,
): Verification {
  let isFound = false;
  for (const secret of secrets) {
    isFound = includesSecretly(candidates, expectedBy(secret)) || isFound;
  }
  return isFound ? { ok: true } : { ok: false, failure: "no-matching-signature", header };
}
