// An owner is the user or the organisation that an event or webhook belongs to.
import { z } from "zod";

/** `user:<user_id>` or `org:<org_id>`: one string for both kinds, for keys and caches. */
export type OwnerRef = `user:${string}` | `org:${string}`;

// eslint-disable-next-line no-control-regex -- control characters are what it keeps out
const OWNER_ID = /^[^\u0000-\u0020\u007f-\u00a0\u2028\u2029{}]+$/u;

export const OWNER_ID_ACCEPTED =
  '1 to 128 bytes without control characters, spaces or braces, and not "." or ".."' as const;

export function isOwnerId(text: string): boolean {
  // A lone surrogate becomes U+FFFD in UTF-8: two owners would share one key.
  return (
    text.length <= MAX_BYTES &&
    OWNER_ID.test(text) &&
    // RFC 3986 §5.2.4: a URL drops these segments, encoded or not, so `/v1/users/../logs` cannot be requested.
    text !== "." &&
    text !== ".." &&
    text.isWellFormed() &&
    (text.length * MAX_UTF8_BYTES_PER_UNIT <= MAX_BYTES || utf8Length(text) <= MAX_BYTES)
  );
}

const MAX_BYTES = 128;
/** UTF-8 bytes per UTF-16 unit. Characters of four bytes have two units. */
const MAX_UTF8_BYTES_PER_UNIT = 3;

/** Without Buffer, because the SDK runs on any runtime. */
function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** Schema of `user_id` and `org_id` for the list, the API and tokens. */
export const ownerIdSchema = z
  .string({ error: `must be a string of ${OWNER_ID_ACCEPTED}` })
  .refine(isOwnerId, { error: `must be ${OWNER_ID_ACCEPTED}` })
  .meta({
    description: "at most 128 bytes in UTF-8",
    minLength: 1,
    maxLength: MAX_BYTES,
    pattern: `^(?!\\.{1,2}$)${OWNER_ID.source.slice(1)}`,
    example: "u_1",
  });

export function ownerRef(kind: "user" | "org", id: string): OwnerRef {
  return `${kind}:${id}`;
}

export function splitOwnerRef(ref: OwnerRef): { kind: "user" | "org"; id: string } {
  const colon = ref.indexOf(":");
  return { kind: ref.slice(0, colon) as "user" | "org", id: ref.slice(colon + 1) };
}
