// Twilio: HMAC-SHA1 of the URL and the sorted fields of the form:
// https://www.twilio.com/docs/usage/security#validating-requests
import { hash, timingSafeEqual } from "node:crypto";
import { decodeUtf8 } from "../../../wire/bytes.ts";
import type { Scheme } from "./scheme.ts";

const SIGNATURE = "x-twilio-signature";
/** 20 bytes in base64. */
const FORM = /^[A-Za-z0-9+/]{27}=$/;
const MAX_FIELDS = 1_000;
const NOTHING = new Uint8Array(0);

export const twilio: Scheme = {
  algorithm: "sha1",
  encoding: "base64",
  signatureHeaders: [SIGNATURE, "i-twilio-idempotency-token"],
  acceptsForm: true,
  read({ headers, body, publicUrl }) {
    const value = headers.get(SIGNATURE) ?? "";
    const fields = fieldsText(body, headers.get("content-type"), publicUrl);
    const isComplete = publicUrl !== null && fields !== null && FORM.test(value);
    return {
      prefix: `${publicUrl ?? ""}${fields ?? ""}`,
      content: NOTHING,
      // Without the public URL, the Host header would say which URL was signed, and that is the sender's.
      candidates: isComplete ? [value] : [],
      id: headers.get("i-twilio-idempotency-token"),
    };
  },
};

/** Returns what follows the URL in the signed text, or null if the body is not covered by the signature. */
function fieldsText(body: Uint8Array, type: string | null, url: string | null): string | null {
  if (/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type ?? "")) {
    const text = decodeUtf8(body);
    return text === null ? null : sortedFields(new URLSearchParams(text));
  }
  // Any other body is covered by its hash, which is a part of the signed URL.
  const expected =
    URL.parse(url ?? "")
      ?.searchParams.get("bodySHA256")
      ?.toLowerCase() ?? "";
  const actual = hash("sha256", body, "hex");
  const isSame =
    expected.length === actual.length &&
    timingSafeEqual(Buffer.from(expected), Buffer.from(actual));
  return isSame ? "" : null;
}

/** As Twilio's libraries: names in order, and of a name that comes twice each different value, in order. */
function sortedFields(fields: URLSearchParams): string | null {
  if (fields.size > MAX_FIELDS) return null;
  const names = [...new Set(fields.keys())].toSorted(byCodeUnit);
  return names
    .flatMap((name) =>
      [...new Set(fields.getAll(name))].toSorted(byCodeUnit).map((value) => name + value),
    )
    .join("");
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
