// A generator that gives the same numbers for the same seed (mulberry32), and JSON text made with it.

export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SPACES = ["", "", "", " ", "\n", "\t", "\r\n", "  \t"];
const PIECES = ["a", "\\\\", '\\"', "{", "}", "[", "]", ",", ":", "\\n", "\\u005f", "é", "\u2028"];
const NUMBERS = ["0", "-0", "1.0", "1e400", "12345678901234567890", "-1.5E-3"];

/** Writes JSON with odd white space, escapes and structure characters inside its strings. */
export class JsonWriter {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T;
  }

  space(): string {
    return this.pick(SPACES);
  }

  string(): string {
    const length = Math.floor(this.#random() * 6);
    return `"${Array.from({ length }, () => this.pick(PIECES)).join("")}"`;
  }

  value(depth: number): string {
    const kind = this.pick(
      depth > 0 ? ["string", "number", "word", "array", "object"] : ["string", "number", "word"],
    );
    if (kind === "string") return this.string();
    if (kind === "number") return this.pick(NUMBERS);
    if (kind === "word") return this.pick(["true", "false", "null"]);
    return kind === "array" ? this.array(depth - 1) : this.object(depth - 1);
  }

  object(depth: number): string {
    const length = Math.floor(this.#random() * 4);
    const members = Array.from({ length }, () => [this.string(), this.value(depth)] as const);
    return this.members(members);
  }

  array(depth: number): string {
    const length = Math.floor(this.#random() * 4);
    return this.elements(Array.from({ length }, () => this.value(depth)));
  }

  members(members: readonly (readonly [key: string, value: string])[]): string {
    const texts = members.map(
      ([key, value]) =>
        `${this.space()}${key}${this.space()}:${this.space()}${value}${this.space()}`,
    );
    return `{${texts.join(",")}${texts.length === 0 ? this.space() : ""}}`;
  }

  elements(values: readonly string[]): string {
    const texts = values.map((value) => `${this.space()}${value}${this.space()}`);
    return `[${texts.join(",")}${texts.length === 0 ? this.space() : ""}]`;
  }
}
