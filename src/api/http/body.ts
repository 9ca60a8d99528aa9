// Reads request bodies: JSON in UTF-8, bounded whatever the headers claim.
import type { Context, MiddlewareHandler } from "hono";
import { decodeUtf8 } from "../../wire/bytes.ts";
import { measureNesting, tooDeepMessage, type Nesting } from "../../wire/json-nesting.ts";
import { readBounded } from "../../wire/read-bounded.ts";
import type { ApiEnv } from "./env.ts";
import { invalid, problem, type FieldError } from "./problem.ts";
import { inTurns, nextTurn } from "./turns.ts";
import { findLoneSurrogate, findUnsafeKey } from "./lone-surrogates.ts";

/** Enough for every route but POST /v1/events. */
export const SMALL_BODY_BYTES = 64 * 1024;

/** For every body except events, unless its route has a maximum of its own. The largest of them, a listen session's answer, has a tenth of these values. */
const MAX_VALUES = 10_000;
/** The same answer in base64, from a client that writes each `/` as `\/`, has half of these. */
const MAX_ESCAPES = 200_000;
/** Ten times what MAX_VALUES numbers need: parsing one number of megabytes takes as long as many. */
const MAX_OUTSIDE_TEXTS = 1_000_000;

// Only one part of the pattern matches a run of blanks: with two, the time is quadratic in its length.
export const CONTENT_TYPE_FORM =
  /^application\/json\s*(?:;\s*(?:charset\s*=\s*"?utf-8"?\s*(?:;\s*)?)?)?$/i;

/** Puts the exact text of the body into `c.var.bodyText`, and into Hono's cache for the route's schema. */
export function jsonBody(
  maxBytes: number,
  { maxValues = MAX_VALUES } = {},
): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const text = await readText(c, maxBytes, { maxValues });
    if (text instanceof Response) return text;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // Not the parser's message: it quotes the body, and the body may hold a secret.
      return notJson(c, text);
    }
    const fault = faultyText(text, value);
    if (fault !== null) return invalid(c, [fault]);
    if (text.length > SMALL_BODY_BYTES) await nextTurn();
    cacheText(c, text);
    return next();
  };
}

/**
 * Sets the entry of Hono's cache that `c.req.json()` parses. From any other entry Hono would serialise the
 * body again and parse the result. The cache holds promises, which its types do not say.
 */
export function cacheText(c: Context<ApiEnv>, text: string): void {
  Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
}

/** Comes before `jsonBody`: if there is no body, every field has its default. */
export const optionalBody: MiddlewareHandler<ApiEnv> = async (c, next) => {
  if (c.req.raw.body === null && c.req.header("content-type") === undefined) {
    const headers = new Headers(c.req.raw.headers);
    headers.set("content-type", "application/json");
    c.req.raw = new Request(c.req.raw, { method: c.req.method, headers, body: "{}" });
  }
  return next();
};

/** For events, whose text is passed on unchanged: puts it into `c.var.bodyText` without parsing it. */
export function jsonText(maxBytes: number): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const text = await readText(c, maxBytes, { maxValues: null });
    return text instanceof Response ? text : next();
  };
}

/**
 * Returns the body's text, or the answer that refuses it. The text is not nested too deep to be parsed.
 * `maxValues` is null for a body that is not parsed.
 */
async function readText(
  c: Context<ApiEnv>,
  maxBytes: number,
  { maxValues }: { maxValues: number | null },
): Promise<string | Response> {
  if (!CONTENT_TYPE_FORM.test(c.req.header("content-type") ?? "")) {
    return problem(c, "unsupported-media-type", "send Content-Type: application/json in UTF-8");
  }
  if ((c.req.header("content-encoding") ?? "identity").toLowerCase() !== "identity") {
    return problem(c, "unsupported-media-type", "send the body without Content-Encoding", {
      // RFC 9110 §15.5.16
      headers: { "Accept-Encoding": "identity" },
    });
  }
  if (Number(c.req.header("content-length") ?? 0) > maxBytes) return tooLarge(c, maxBytes);
  let bytes: Uint8Array<ArrayBuffer> | null;
  try {
    bytes = await readBounded(c.req.raw.body, maxBytes);
  } catch {
    // The client has disconnected, or its framing is broken. Nothing is logged: it is not our fault, and
    // the client will hardly read the answer.
    return problem(c, "bad-request", "the body is incomplete");
  }
  if (bytes === null) return tooLarge(c, maxBytes);
  const text = decodeUtf8(bytes);
  if (text === null) return problem(c, "not-json", "the body is not valid UTF-8");
  const nesting = await inTurns(measureNesting(text));
  if (nesting.tooDeep !== null) {
    const { field } = nesting.tooDeep;
    return problem(c, "too-deep", `the body ${tooDeepMessage(nesting)}`, {
      errors: [{ field, code: "too-deep", message: tooDeepMessage(nesting) }],
    });
  }
  const tooMany = maxValues === null ? null : tooManyParts(nesting, maxValues);
  if (tooMany !== null) return invalid(c, [tooMany]);
  c.set("bodyText", text);
  c.set("bodyBytes", bytes);
  return text;
}

export function notJson(c: Context<ApiEnv>, text: string) {
  return problem(c, "not-json", text === "" ? "the body is empty" : "the body is not valid JSON");
}

function tooLarge(c: Context<ApiEnv>, maxBytes: number) {
  return problem(c, "too-large", `the body may have at most ${maxBytes} bytes`);
}

/** Refuses what would take long to parse; no route needs as much. */
function tooManyParts(
  { values, escapes, outsideTexts }: Nesting,
  maxValues: number,
): FieldError | null {
  const tooMany = (max: number, code: string, what: string): FieldError => {
    return { field: "", code, message: `the body holds more than ${max} ${what}` };
  };
  if (values > maxValues) return tooMany(maxValues, "too-many-values", "values");
  if (escapes > MAX_ESCAPES) return tooMany(MAX_ESCAPES, "too-many-escapes", "escaped characters");
  return outsideTexts > MAX_OUTSIDE_TEXTS
    ? tooMany(MAX_OUTSIDE_TEXTS, "too-many-characters", "characters outside of strings")
    : null;
}

/** Refuses valid JSON that cannot be stored or checked as it is written. */
function faultyText(text: string, value: unknown): FieldError | null {
  const loneSurrogate = findLoneSurrogate(text, value);
  if (loneSurrogate !== null) {
    const message = "holds half of a surrogate pair, which is not valid Unicode";
    return { field: loneSurrogate, code: "not_unicode", message };
  }
  const unsafe = findUnsafeKey(text, value);
  // The schemas silently ignore this one key in objects whose keys the user chooses.
  return unsafe === null
    ? null
    : { field: unsafe, code: "unsafe_key", message: "cannot be used as a name" };
}
