// Counts how deep and how large JSON is, on its text, before it is parsed. Code that walks a parsed
// value takes time and stack for each level.
import type { Steps } from "./steps.ts";

/** Limit for every body that the API reads; `[]` is one level. Elements of the list have no such limit. */
export const MAX_DEPTH = 64;

export interface Nesting {
  /** The largest number of levels that are open at once. */
  depth: number;
  /** An upper bound of the number of values in the text. */
  values: number;
  /** Escaped characters in strings. Each takes a parser as long as a hundred others. */
  escapes: number;
  /** Characters outside of strings: numbers, words and white space. */
  outsideTexts: number;
  /** Where the first level over MAX_DEPTH begins; null if there is none. */
  tooDeep: { position: number; field: string } | null;
}

/** Characters read between two pauses, in less than a millisecond. */
const STEP_CHARACTERS = 128 * 1024;
/** How many levels a field path names: `3.data` of an array of events. */
const NAMED_LEVELS = 2;
const MAX_KEY_LENGTH = 64;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Measures text, which need not be valid JSON. Up to the first fault it sees the same tokens as
 * JSON.parse, which stops there. So JSON.parse never opens more levels than this counts.
 */
export function* measureNesting(text: string): Steps<Nesting> {
  const nesting: Nesting = { depth: 0, values: 1, escapes: 0, outsideTexts: 0, tooDeep: null };
  // For each level from 1: the index in an array, or where the latest key of an object begins.
  const places: { isArray: boolean; index: number; keyStart: number }[] = [];
  let depth = 0;
  let inString = false;
  let stringStart = -1;
  for (let at = 0, stop = STEP_CHARACTERS; at < text.length; stop += STEP_CHARACTERS) {
    for (; at < stop && at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (inString) {
        if (code === BACKSLASH) {
          nesting.escapes++;
          at++;
        } else if (code === QUOTE) inString = false;
        continue;
      }
      switch (code) {
        case QUOTE:
          inString = true;
          stringStart = at;
          break;
        case COLON: {
          const place = depth <= NAMED_LEVELS ? places[depth] : undefined;
          if (place) place.keyStart = stringStart;
          break;
        }
        case COMMA: {
          nesting.values++;
          const place = depth <= NAMED_LEVELS ? places[depth] : undefined;
          if (place) place.index++;
          break;
        }
        case OPEN_BRACKET:
        case OPEN_BRACE:
          depth++;
          nesting.values++;
          if (depth > nesting.depth) nesting.depth = depth;
          if (depth <= NAMED_LEVELS) {
            places[depth] = { isArray: code === OPEN_BRACKET, index: 0, keyStart: -1 };
          } else if (depth > MAX_DEPTH) {
            nesting.tooDeep ??= { position: at, field: fieldOf(text, places) };
          }
          break;
        case CLOSE_BRACKET:
        case CLOSE_BRACE:
          if (depth > 0) depth--;
          break;
        default:
          nesting.outsideTexts++;
      }
    }
    yield;
  }
  return nesting;
}

export function tooDeepMessage(nesting: Nesting): string {
  const position = nesting.tooDeep?.position ?? 0;
  return (
    `is nested ${nesting.depth} levels deep; accepted are at most ${MAX_DEPTH} ` +
    `in the whole body (the first level over it begins at character ${position})`
  );
}

function fieldOf(
  text: string,
  places: readonly ({ isArray: boolean; index: number; keyStart: number } | undefined)[],
): string {
  return places
    .flatMap((place) => (place ? [place.isArray ? String(place.index) : keyAt(text, place)] : []))
    .join(".");
}

function keyAt(text: string, { keyStart }: { keyStart: number }): string {
  const raw = text.slice(keyStart + 1, keyStart + 1 + MAX_KEY_LENGTH);
  const end = raw.search(/["\\]/);
  return end === -1 ? raw : raw.slice(0, end);
}
