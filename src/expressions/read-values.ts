// JSON text → the values that cel-js computes with. JSON.parse does it, unless the text may have an integer
// that a double cannot hold, or a key that cel-js or JSON.parse's objects treat in a special way.
import { MAX_EXACT_DIGITS } from "./limits.ts";
import type { JsonText } from "./problem.ts";

/** A key may be written with escapes: `"\u0063onstructor"`. */
const NEEDS_OWN_READER = /\d{16}|constructor|__proto__|\\u/;

/**
 * Reads text that JSON.parse accepts and that is at most MAX_DATA_DEPTH deep. Integers beyond 2^53 are
 * BigInts. An object with a key `constructor` or `__proto__` is a Map, for cel-js asks each object for its
 * constructor.
 */
export function readValues(text: JsonText): unknown {
  if (!NEEDS_OWN_READER.test(text)) return JSON.parse(text) as unknown;
  return new Reader(text).read();
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const UPPER_E = 0x45;
const LOWER_E = 0x65;
/** An integer of up to this many digits is exact in a double. */
const MAX_SAFE_DIGITS = 15;
const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;
const WORDS = { t: true, f: false, n: null } as const;

/** One pass in place of JSON.parse's reviver with `source`, which takes fifteen times a plain parse. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): unknown {
    this.#skipSpace();
    const code = this.#text.charCodeAt(this.#at);
    if (code === QUOTE) return this.#string();
    if (code === OPEN_BRACE) return this.#object();
    if (code === OPEN_BRACKET) return this.#array();
    if (code === MINUS || (code >= ZERO && code <= NINE)) return this.#number();
    const word = this.#text.charAt(this.#at) as keyof typeof WORDS;
    this.#at += word === "f" ? 5 : 4;
    return WORDS[word];
  }

  #object(): Record<string, unknown> | Map<string, unknown> {
    const members: Record<string, unknown> = {};
    let map: Map<string, unknown> | undefined;
    this.#at++;
    for (this.#skipSpace(); this.#text.charCodeAt(this.#at) !== CLOSE_BRACE; this.#skipSpace()) {
      const key = this.#string();
      this.#skipSpace();
      this.#at++;
      const value = this.read();
      if (map === undefined && (key === "constructor" || key === "__proto__")) {
        map = new Map(Object.entries(members));
      }
      if (map === undefined) members[key] = value;
      else map.set(key, value);
      this.#skipComma();
    }
    this.#at++;
    return map ?? members;
  }

  #array(): unknown[] {
    const elements: unknown[] = [];
    this.#at++;
    for (this.#skipSpace(); this.#text.charCodeAt(this.#at) !== CLOSE_BRACKET; this.#skipSpace()) {
      elements.push(this.read());
      this.#skipComma();
    }
    this.#at++;
    return elements;
  }

  #string(): string {
    const start = this.#at;
    let end = this.#text.indexOf('"', start + 1);
    let isPlain = true;
    for (let at = end - 1; this.#text.charCodeAt(at) === BACKSLASH; at = end - 1) {
      while (this.#text.charCodeAt(at) === BACKSLASH) at--;
      if ((end - at) % 2 === 1) break;
      end = this.#text.indexOf('"', end + 1);
      isPlain = false;
    }
    this.#at = end + 1;
    const raw = this.#text.slice(start + 1, end);
    return isPlain && !raw.includes("\\")
      ? raw
      : (JSON.parse(this.#text.slice(start, end + 1)) as string);
  }

  #number(): number | bigint {
    return this.#shortInteger() ?? this.#anyNumber();
  }

  /** Most numbers, without a regular expression. */
  #shortInteger(): number | undefined {
    const start = this.#text.charCodeAt(this.#at) === MINUS ? this.#at + 1 : this.#at;
    let at = start;
    let value = 0;
    let code = this.#text.charCodeAt(at);
    while (code >= ZERO && code <= NINE) {
      value = value * 10 + (code - ZERO);
      code = this.#text.charCodeAt(++at);
    }
    const isInteger = code !== POINT && code !== LOWER_E && code !== UPPER_E;
    if (!isInteger || at - start > MAX_SAFE_DIGITS) return undefined;
    const isNegative = start > this.#at;
    this.#at = at;
    return isNegative ? -value : value;
  }

  #anyNumber(): number | bigint {
    NUMBER.lastIndex = this.#at;
    const [source, fraction, exponent] = NUMBER.exec(this.#text) ?? [""];
    this.#at = NUMBER.lastIndex;
    const value = Number(source);
    const isExact =
      fraction !== undefined ||
      exponent !== undefined ||
      Number.isSafeInteger(value) ||
      source.length > MAX_EXACT_DIGITS;
    return isExact ? value : BigInt(source);
  }

  #skipSpace(): void {
    let code = this.#text.charCodeAt(this.#at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      code = this.#text.charCodeAt(++this.#at);
    }
  }

  #skipComma(): void {
    this.#skipSpace();
    if (this.#text.charCodeAt(this.#at) === COMMA) this.#at++;
  }
}
