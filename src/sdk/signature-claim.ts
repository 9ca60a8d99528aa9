// What a request claims to be signed with, read from its headers or from the one value of a signature
// header. Nothing is trusted here: `judge` decides.
import { DIALECT_NAMES, dialectOf } from "../wire/dialects/registry.ts";
import type { OwnSignature } from "../wire/dialects/dialect.ts";
import type { RequestHeaders, SignatureOrHeaders } from "./request-headers.ts";

export type SignatureClaim =
  | { kind: "standard"; read: (name: string) => string | null }
  | { kind: "own"; ownSignature: OwnSignature; value: string }
  | { kind: "missing"; header: string; advice?: string }
  | { kind: "unknown-form"; header: string };

const STANDARD_HEADERS = ["webhook-id", "webhook-timestamp", "webhook-signature"] as const;

/** Those that carry a time come first: theirs is the better evidence where a request has several. */
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
  // A request that has one of them must verify by all: what somebody took away is missing.
  if (STANDARD_HEADERS.some((name) => read(name))) return { kind: "standard", read };
  for (const ownSignature of OWN_SIGNATURES) {
    const value = read(ownSignature.header.toLowerCase());
    if (value) return { kind: "own", ownSignature, value };
  }
  return { kind: "missing", header: "webhook-signature" };
}

/** A value tells by its form which header it comes from. */
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

/** RFC 9110 §5.3: a field that came several times is its values joined by commas. */
function textOf(value: string | readonly string[] | null | undefined): string | null {
  return isList(value) ? value.join(", ") : (value ?? null);
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value);
}
