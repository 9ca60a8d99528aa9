// Reads the signature that a request claims to have, from its headers or from the value of one signature
// header. It verifies nothing: match-claim.ts does.
import { DIALECT_NAMES, dialectOf } from "../wire/dialects/registry.ts";
import type { OwnSignature } from "../wire/dialects/dialect.ts";
import type { RequestHeaders, SignatureOrHeaders } from "./request-headers.ts";

export type SignatureClaim =
  | { kind: "standard"; read: (name: string) => string | null }
  | { kind: "own"; ownSignature: OwnSignature; value: string }
  | { kind: "missing"; header: string; advice?: string }
  | { kind: "unknown-form"; header: string };

const STANDARD_HEADERS = ["webhook-id", "webhook-timestamp", "webhook-signature"] as const;

/** Dialects with a time come first: if a request has several signatures, theirs proves more. */
const OWN_SIGNATURES = DIALECT_NAMES.map((name) => dialectOf(name).ownSignature)
  .filter((own) => own !== null)
  .toSorted((a, b) => Number(carriesTime(b)) - Number(carriesTime(a)));

const HEX_SHA256 = /^[0-9a-f]{64}$/;

export function carriesTime(own: OwnSignature): boolean {
  return own.read("").unixSeconds !== null;
}

export function readClaim(given: SignatureOrHeaders): SignatureClaim {
  if (given === null || given === undefined || typeof given === "string" || isList(given)) {
    return readValue(textOf(given));
  }
  if (typeof given !== "object") {
    throw new TypeError(
      `The headers must be a Headers, an object or a text; found ${typeof given}`,
    );
  }
  const read = reader(given);
  // A request with one of the three needs all three: an attacker may have removed the others.
  if (STANDARD_HEADERS.some((name) => read(name))) return { kind: "standard", read };
  for (const ownSignature of OWN_SIGNATURES) {
    const value = read(ownSignature.header.toLowerCase());
    if (value) return { kind: "own", ownSignature, value };
  }
  return { kind: "missing", header: "webhook-signature" };
}

/** The form of a value shows which header it is from. */
function readValue(value: string | null): SignatureClaim {
  if (!value) return { kind: "missing", header: "signature" };
  if (/^v\d+[a-z]*,/.test(value)) {
    const advice =
      "This is the value of webhook-signature, which covers the id and the time too: pass all headers of the request";
    return { kind: "missing", header: "webhook-id", advice };
  }
  const fitting = OWN_SIGNATURES.filter((own) =>
    own.read(value).signatures.some((signature) => HEX_SHA256.test(signature)),
  );
  const ownSignature =
    fitting.find((own) => !Number.isNaN(own.read(value).unixSeconds)) ?? fitting[0];
  return ownSignature === undefined
    ? { kind: "unknown-form", header: "signature" }
    : { kind: "own", ownSignature, value };
}

function reader(headers: RequestHeaders): (name: string) => string | null {
  if (hasGet(headers)) return (name) => headers.get(name) ?? null;
  const byName = new Map(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), textOf(value)]),
  );
  return (name) => byName.get(name) ?? null;
}

function hasGet(headers: RequestHeaders): headers is { get(name: string): string | null } {
  return typeof headers.get === "function";
}

/** RFC 9110 §5.3: the values of a repeated field are joined by commas. */
function textOf(value: string | readonly string[] | null | undefined): string | null {
  return isList(value) ? value.join(", ") : (value ?? null);
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}
