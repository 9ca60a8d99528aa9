// Twilio: HMAC-SHA1 of the URL and the sorted fields of the form:
// https://www.twilio.com/docs/usage/security#validating-requests
import { hash, timingSafeEqual } from "node:crypto";
import { decodeUtf8 } from "../../../wire/bytes.ts";
import { readFormFields } from "../form.ts";
import type { Scheme } from "./scheme.ts";

const SIGNATURE = "x-twilio-signature";
/** 20 bytes in base64. */
const FORM = /^[A-Za-z0-9+/]{27}=$/;
const NOTHING = new Uint8Array(0);
const NO_CLAIM = { prefix: "", content: NOTHING, candidates: [] };

export const twilio: Scheme = {
  algorithm: "sha1",
  encoding: "base64",
  signatureHeaders: [SIGNATURE, "i-twilio-idempotency-token"],
  acceptsForm: true,
  read({ headers, body, publicUrl }) {
    const value = headers.get(SIGNATURE) ?? "";
    // Without the public URL, the Host header would say which URL was signed, and that is the sender's.
    if (publicUrl === null || !FORM.test(value)) return NO_CLAIM;
    const fields = fieldsText(body, headers.get("content-type"), publicUrl);
    if (fields === null) return NO_CLAIM;
    return {
      prefix: `${publicUrl}${fields}`,
      content: NOTHING,
      candidates: [value],
      id: headers.get("i-twilio-idempotency-token"),
    };
  },
};

/** Returns what follows the URL in the signed text, or null if the body is not covered by the signature. */
function fieldsText(body: Uint8Array, type: string | null, url: string): string | null {
  if (/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type ?? "")) {
    const text = decodeUtf8(body);
    const fields = text === null ? null : readFormFields(text);
    return fields && sortedFields(fields);
  }
  // Any other body is covered by its hash, which is a part of the signed URL.
  const expected = URL.parse(url)?.searchParams.get("bodySHA256")?.toLowerCase() ?? "";
  const actual = hash("sha256", body, "hex");
  const isSame =
    expected.length === actual.length &&
    timingSafeEqual(Buffer.from(expected), Buffer.from(actual));
  return isSame ? "" : null;
}

/** As Twilio's libraries: names in order, and of a name that comes twice each different value, in order. */
function sortedFields(fields: URLSearchParams): string {
  const valuesByName = new Map<string, Set<string>>();
  for (const [name, value] of fields) {
    const values = valuesByName.get(name) ?? new Set();
    valuesByName.set(name, values.add(value));
  }
  return [...valuesByName]
    .toSorted(([a], [b]) => byCodeUnit(a, b))
    .flatMap(([name, values]) => [...values].toSorted(byCodeUnit).map((value) => name + value))
    .join("");
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
