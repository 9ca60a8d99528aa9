// Checks each signature of a captured request with wire/verify.ts, and describes what is wrong.
import type { Dialect } from "../../wire/dialects/dialect.ts";
import { DIALECT_NAMES, dialectOf, type DialectName } from "../../wire/dialects/registry.ts";
import { excerpt } from "../../wire/excerpt.ts";
import { Signer } from "../../wire/signature.ts";
import {
  TOLERANCE_SECONDS,
  verifyOwn,
  verifyStandard,
  type StandardVerification,
  type Verification,
} from "../../wire/verify.ts";
import type { CapturedRequest } from "./raw-request.ts";

export interface SignatureCheck {
  /** The header of the signature. */
  check: string;
  verified: boolean;
  failure: Extract<Verification, { ok: false }>["failure"] | null;
  /** What was found and what is accepted; null if verified. */
  message: string | null;
}

export interface CheckRequest extends CapturedRequest {
  secret: string;
  /** Null for every signature in the request. */
  dialect: DialectName | null;
  isAnyAge: boolean;
  nowSeconds: number;
}

const STANDARD = "webhook-signature";
const STANDARD_HEADERS = ["webhook-id", "webhook-timestamp", STANDARD];

type Verify = (request: StandardVerification) => Promise<Verification>;

export async function checkSignatures(request: CheckRequest): Promise<SignatureCheck[]> {
  const { headers, dialect } = request;
  const names = dialect === null ? DIALECT_NAMES : [dialect];
  const checks: Promise<SignatureCheck>[] = [];
  for (const { ownSignature } of names.map((name): Dialect => dialectOf(name))) {
    if (ownSignature === null) continue;
    if (dialect === null && !headers.has(ownSignature.header)) continue;
    checks.push(check(ownSignature.header, request, (one) => verifyOwn({ ...one, ownSignature })));
  }
  const hasStandard = STANDARD_HEADERS.some((name) => headers.has(name));
  // No signature at all is a failed check.
  if (dialect !== null || hasStandard || checks.length === 0) {
    checks.push(check(STANDARD, request, verifyStandard));
  }
  return Promise.all(checks);
}

async function check(name: string, request: CheckRequest, verify: Verify): Promise<SignatureCheck> {
  const { headers, body, nowSeconds, isAnyAge } = request;
  const asked: StandardVerification = {
    secret: new Signer(request.secret),
    headers,
    body,
    nowSeconds,
    toleranceSeconds: isAnyAge ? Number.MAX_SAFE_INTEGER : undefined,
  };
  const result = await verify(asked);
  if (result.ok) return { check: name, verified: true, failure: null, message: null };
  const { failure } = result;
  const message =
    failure === "no-matching-signature"
      ? await noMatch(asked, result.header, verify)
      : explain(result, headers, nowSeconds);
  return { check: name, verified: false, failure, message };
}

function explain(
  { failure, header }: Extract<Verification, { ok: false }>,
  headers: Headers,
  nowSeconds: number,
): string {
  const value = headers.get(header) ?? "";
  switch (failure) {
    case "missing-header":
      return `the request has no header ${header}`;
    case "bad-id":
      return `${header} is ${excerpt(value)}; accepted are ids without a dot`;
    case "bad-timestamp":
      return `${header} has no valid time: ${excerpt(value)}; accepted are Unix seconds`;
    case "too-old":
    case "too-new": {
      const seconds = Math.abs(nowSeconds - timeIn(value));
      const side = failure === "too-old" ? "ago; use --any-age to ignore it" : "in the future";
      return `the time of ${header} is ${seconds} s ${side}; accepted are ${TOLERANCE_SECONDS} s`;
    }
    case "no-matching-signature":
      return `no signature of ${header} is correct`;
  }
}

/** Reads `1769860801`, or `t=1769860801,…` in the header of the dialect flux. */
function timeIn(value: string): number {
  return Number(/^(?:t=)?(\d+)/.exec(value)?.[1] ?? Number.NaN);
}

/** Common changes of a body between the wire and a file, tried one by one. */
const MISHAPS: [what: string, undo: (body: string) => string][] = [
  ["without the line feed at its end", (body) => body.replace(/\r?\n$/, "")],
  ["with a line feed at its end", (body) => `${body}\n`],
  ["as JSON without white space: it was parsed and serialized again", rewritten],
];

async function noMatch(
  asked: StandardVerification,
  header: string,
  verify: Verify,
): Promise<string> {
  const { body } = asked;
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  const bytes = typeof body === "string" ? Buffer.byteLength(body) : body.length;
  for (const [what, undo] of MISHAPS) {
    if ((await verify({ ...asked, body: undo(text) })).ok) {
      return `it is correct for the body ${what}; use the body exactly as received, byte for byte`;
    }
  }
  return `no signature of ${header} matches this secret and this body of ${bytes} bytes; it is another secret, or the body is not as received, byte for byte`;
}

function rewritten(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body));
  } catch {
    return body;
  }
}
