// Where the members of a JSON object, or the elements of an array, stand in its text, so that a
// value can be cut out exactly as it was written. The text must have passed JSON.parse before:
// nothing is checked here, nothing is built, and nesting costs a counter, not a stack.

export interface Span {
  start: number;
  /** One past the last character. */
  end: number;
}

export interface Member extends Span {
  /** The key as JSON.parse gives it: `user\u005fid` is `user_id`. */
  key: string;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** The top-level members of an object, in the order of the text; a key that stands twice is there twice. */
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
    // Past the comma to the next key, or past the closing brace, where no quote follows.
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

function decodeKey(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end - 1);
  return raw.includes("\\") ? (JSON.parse(text.slice(start, end)) as string) : raw;
}

/** RFC 8259 §2: white space is space, tab, line feed and carriage return, nothing else. */
function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** One past the closing quote of the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  // Our own fault; without this line such text would be walked for ever.
  if (quote === -1) throw new Error("json-spans was given text that JSON.parse had not accepted");
  return quote + 1;
}

/** An odd run of backslashes before a quote escapes it. Each run is counted once: linear in all. */
function isEscaped(text: string, quote: number): boolean {
  let at = quote - 1;
  while (text.charCodeAt(at) === BACKSLASH) at--;
  return (quote - at) % 2 === 0;
}

function valueEnd(text: string, start: number): number {
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
