// Request bodies: JSON in UTF-8 and bounded, whatever the headers claim.
import type { MiddlewareHandler } from "hono";
import { readBounded } from "../wire/read-bounded.ts";
import type { ApiEnv } from "./env.ts";
import { invalid, problem } from "./problem.ts";
import { illFormedText } from "./well-formed.ts";

/** Enough for every route but POST /v1/events. */
export const SMALL_BODY_BYTES = 64 * 1024;

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i;
// `ignoreBOM` keeps the mark in the text, where JSON.parse refuses it (RFC 8259 §8.1).
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Checks the body and leaves its exact text in `c.var.bodyText`. `anyText`: for a body that is passed
 * on as it came; what is stored must be text that everybody can read.
 */
export function jsonBody(
  maxBytes: number,
  { anyText = false }: { anyText?: boolean } = {},
): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    if (!JSON_TYPE.test(c.req.header("content-type") ?? "")) {
      return problem(c, "unsupported-media-type", "send Content-Type: application/json in UTF-8");
    }
    if ((c.req.header("content-encoding") ?? "identity").toLowerCase() !== "identity") {
      return problem(c, "unsupported-media-type", "send the body without Content-Encoding", {
        // RFC 9110 §15.5.16
        headers: { "Accept-Encoding": "identity" },
      });
    }
    const bytes =
      Number(c.req.header("content-length") ?? 0) > maxBytes
        ? null
        : await readBounded(c.req.raw.body, maxBytes);
    if (bytes === null) {
      return problem(c, "too-large", `the body may have up to ${maxBytes} bytes`);
    }
    const read = readJson(bytes);
    if (!read.ok) return problem(c, "not-json", read.detail);
    const illFormed = anyText ? null : illFormedText(read.text, read.value);
    if (illFormed !== null) {
      const message = "holds half of a surrogate pair, which is no Unicode text";
      return invalid(c, [{ field: illFormed, code: "not_unicode", message }]);
    }
    c.set("bodyText", read.text);
    // Where Hono looks for a body that was read: the route's schema checks this very value.
    c.req.bodyCache.json = Promise.resolve(read.value);
    return next();
  };
}

function readJson(
  bytes: Uint8Array,
): { ok: true; text: string; value: unknown } | { ok: false; detail: string } {
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return { ok: false, detail: "the body is not valid UTF-8" };
  }
  try {
    return { ok: true, text, value: JSON.parse(text) };
  } catch {
    // Not the parser's message: it quotes the body, and the body may hold a secret.
    return { ok: false, detail: text === "" ? "the body is empty" : "the body is not valid JSON" };
  }
}
