// Finds the positions of an object's members, or an array's elements, in JSON text, so that a value can
// be cut out exactly as it was written. It builds nothing, and nesting takes a counter and no stack. It
// checks nothing either: `objectMembers` needs text that JSON.parse has accepted.
import type { Steps } from "./steps.ts";

export interface Span {
  start: number;
  /** One past the last character. */
  end: number;
}

export interface Member extends Span {
  /** The key as JSON.parse returns it: `user\u005fid` is `user_id`. */
  key: string;
}

const NOT_SPACE = /[^ \t\n\r]/;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Yields the top-level members of an object in the order of the text; a repeated key is yielded again. */
export function objectMembers(text: string): Member[] {
  const members: Member[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = stringEnd(text, at);
    const key = decodeKey(text, at, keyEnd);
    const colon = skipSpace(text, keyEnd);
    const start = skipSpace(text, colon + 1);
    const end = valueEnd(text, start);
    members.push({ key, start, end });
    // Skip the comma to the next key, or the closing brace, after which there is no quote.
    at = skipSpace(text, skipSpace(text, end) + 1);
  }
  return members;
}

/** The elements of an array, in order. */
export function arrayElements(text: string): Span[] {
  const elements: Span[] = [];
  let start = skipSpace(text, skipSpace(text, 0) + 1);
  while (start < text.length && text.charCodeAt(start) !== CLOSE_BRACKET) {
    const end = valueEnd(text, start);
    elements.push({ start, end });
    start = skipSpace(text, skipSpace(text, end) + 1);
  }
  return elements;
}

/** Characters that `arrayPieces` reads between two pauses, in less than a millisecond. */
const STEP_CHARACTERS = 128 * 1024;

/**
 * Cuts the text of an array at its commas. The text need not be valid JSON: it is if every piece is,
 * and then the pieces are its elements. Pieces keep the white space around their values. Returns at
 * most `maxPieces` pieces; `count` includes the others.
 */
export function* arrayPieces(
  text: string,
  maxPieces: number,
): Steps<{ pieces: Span[]; count: number } | "not-an-array" | "not-json"> {
  const open = skipSpace(text, 0);
  if (text.charCodeAt(open) !== OPEN_BRACKET) return "not-an-array";
  const pieces: Span[] = [];
  let count = 0;
  let depth = 1;
  let inString = false;
  let start = open + 1;
  for (let at = start, stop = STEP_CHARACTERS; at < text.length; stop += STEP_CHARACTERS) {
    for (; at < stop && at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (inString) {
        if (code === BACKSLASH) at++;
        else if (code === QUOTE) inString = false;
        continue;
      }
      if (code === QUOTE) inString = true;
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
      else if (code === COMMA && depth === 1) {
        if (count < maxPieces) pieces.push({ start, end: at });
        count++;
        start = at + 1;
      } else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --depth === 0) {
        if (code !== CLOSE_BRACKET || skipSpace(text, at + 1) < text.length) return "not-json";
        if (count === 0 && skipSpace(text, start) === at) return { pieces, count };
        if (count < maxPieces) pieces.push({ start, end: at });
        return { pieces, count: count + 1 };
      }
    }
    yield;
  }
  return "not-json";
}

/** Removes JSON's white space around the text. `trim()` would remove more. */
export function trimJson(text: string): string {
  // Uses the engine's own search: a body may consist of megabytes of white space.
  const start = text.search(NOT_SPACE);
  if (start === -1) return "";
  let end = text.length;
  while (isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

export function decodeKey(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  return raw.includes("\\") ? (JSON.parse(text.slice(start, end)) as string) : raw;
}

/** RFC 8259 §2: white space is space, tab, line feed and carriage return, nothing else. */
export function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Returns the index after the closing quote of the string that begins at `start`. */
export function stringEnd(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  // A fault of ours. Without this line the loop would never end.
  if (quote === -1) throw new Error("json-spans was given text that JSON.parse had not accepted");
  return quote + 1;
}

/** A quote is escaped by an odd number of backslashes before it. Each run is counted once: linear time. */
export function isEscaped(text: string, quote: number): boolean {
  let at = quote - 1;
  while (text.charCodeAt(at) === BACKSLASH) at--;
  return (quote - at) % 2 === 0;
}

export function valueEnd(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return stringEnd(text, start);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return containerEnd(text, start);
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code)) break;
    at++;
  }
  return at;
}

function containerEnd(text: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = stringEnd(text, at);
      continue;
    }
    at++;
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --depth === 0) return at;
  }
  return at;
}
