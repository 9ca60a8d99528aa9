// The precondition of a write: the caller names the version that it has read (RFC 9110 §13.1.1).
import { z } from "zod";

/** `*`, or entity-tags with commas between them. */
const FORM = /^(?:\*|(?:W\/)?"[!#-~]*"(?:[ \t]*,[ \t]*(?:W\/)?"[!#-~]*")*)$/;

export const ifMatchSchema = z
  .string({ error: "must be given once" })
  .max(1024, { error: "must have at most 1,024 characters" })
  .regex(FORM, { error: 'must be the ETag of an answer with its quotes, such as "5d41402a", or *' })
  .optional()
  .describe(
    "the `ETag` of the version that the caller has read. `*` accepts any version, so it may overwrite " +
      "a change of another caller",
  );

/**
 * Returns whether `If-Match` names this version. A weak tag counts as its strong one: a proxy that compresses
 * answers weakens tags, and the versions here do not depend on the encoding.
 */
export function namesVersion(ifMatch: string, etag: string): boolean {
  if (ifMatch === "*") return true;
  return ifMatch.split(/[ \t]*,[ \t]*/).some((tag) => tag.replace(/^W\//, "") === etag);
}
