// Finds the value at a path in JSON text, so that it can be cut out exactly as it was written. The text must
// have passed JSON.parse before: nothing is checked here, nothing is built, and nesting costs no stack.
import { decodeKey, isEscaped, skipSpace, stringEnd, valueEnd, type Span } from "./json-spans.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** A key of an object, or the index of an array's element. */
export type JsonPath = readonly (string | number)[];

export interface Location {
  /** Where the value is; null where there is none. */
  span: Span | null;
  /** How many keys of the path exist, counted from its beginning. */
  known: number;
}

/**
 * Returns the text of the value at `path`, exactly as it was written, or null where there is none. Of a key
 * that an object has twice, the last one counts, as it does for JSON.parse.
 */
export function valueAt(text: string, path: JsonPath): string | null {
  const { span } = locateValue(text, path);
  return span === null ? null : text.slice(span.start, span.end);
}

/** Finds the value at `path` in one pass over the text: linear, whatever the nesting or the path. */
export function locateValue(text: string, path: JsonPath): Location {
  const location: Location = { span: null, known: 0 };
  walkTo(text, skipSpace(text, 0), path, 0, location);
  return location;
}

/** Walks over the value at `start`, notes in `location` what it finds of the path, and returns the value's end. */
function walkTo(text: string, start: number, path: JsonPath, at: number, into: Location): number {
  // A later duplicate of a key replaces what an earlier one led to, also by nothing.
  into.span = null;
  into.known = at;
  const key = path[at];
  if (key === undefined) {
    const end = valueEnd(text, start);
    into.span = { start, end };
    return end;
  }
  const opening = text.charCodeAt(start);
  const isObject = opening === OPEN_BRACE && typeof key === "string";
  const isArray = opening === OPEN_BRACKET && typeof key === "number";
  if (!isObject && !isArray) return valueEnd(text, start);
  let next = skipSpace(text, start + 1);
  let index = 0;
  while (next < text.length && !isClosing(text.charCodeAt(next))) {
    let isOnPath = index === key;
    if (isObject) {
      const keyEnd = stringEnd(text, next);
      isOnPath = decodeKey(text, next, keyEnd) === key;
      next = skipSpace(text, skipSpace(text, keyEnd) + 1);
    }
    const end = isOnPath ? walkTo(text, next, path, at + 1, into) : valueEnd(text, next);
    next = skipSpace(text, end);
    if (text.charCodeAt(next) === COMMA) next = skipSpace(text, next + 1);
    index++;
  }
  return next + 1;
}

function isClosing(code: number): boolean {
  return code === CLOSE_BRACE || code === CLOSE_BRACKET;
}

/** Whether arrays and objects are nested deeper than `max`. The text need not be valid JSON. */
export function isDeeperThan(text: string, max: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = text.indexOf('"', at + 1);
      while (at !== -1 && isEscaped(text, at)) at = text.indexOf('"', at + 1);
      if (at === -1) return false;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > max) return true;
    } else if (isClosing(code)) {
      depth--;
    }
  }
  return false;
}
