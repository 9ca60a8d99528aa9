// Random texts that a regular expression matches, for the patterns of an OpenAPI document.

interface Choices {
  kind: "choices";
  sequences: Repeated[][];
}
type Node = Choices | { kind: "one-of"; characters: readonly string[] } | { kind: "nothing" };
interface Repeated {
  node: Node;
  min: number;
  max: number;
}

/** How often more than at least, of what may be repeated without end. */
const MORE = 6;
const ATTEMPTS = 5_000;

/** Latin, and characters that take more bytes or units. */
const ALPHABET = [
  ...Array.from({ length: 0x180 }, (_, code) => String.fromCharCode(code)),
  "\u2028",
  "\u4e2d",
  "\ufeff",
  "💥",
];

export class TextOfPattern {
  readonly #form: RegExp;
  readonly #choices: Choices;

  constructor(
    source: string,
    private readonly random: () => number,
  ) {
    this.#form = new RegExp(source, "u");
    this.#choices = new PatternReader(source).choices();
  }

  /** What a lookahead rules out is made again. */
  next(isWanted: (text: string) => boolean): string {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const text = this.#write(this.#choices);
      if (this.#form.test(text) && isWanted(text)) return text;
    }
    throw new Error(`no text was found for ${this.#form.source}`);
  }

  #write(node: Node): string {
    if (node.kind === "nothing") return "";
    if (node.kind === "one-of") return this.#pick(node.characters);
    return this.#pick(node.sequences)
      .map(({ node: inner, min, max }) => {
        const most = max === Infinity ? min + MORE : max;
        const any = min + Math.floor(this.random() * (most - min + 1));
        const times = this.#pick([min, most, any]);
        return Array.from({ length: times }, () => this.#write(inner)).join("");
      })
      .join("");
  }

  #pick<T>(values: readonly T[]): T {
    const value = values[Math.floor(this.random() * values.length)];
    if (value === undefined) throw new Error("there is nothing to pick from");
    return value;
  }
}

/** Reads what our patterns are made of; throws at anything else. */
class PatternReader {
  #at = 0;

  constructor(private readonly source: string) {}

  choices(): Choices {
    const sequences: Repeated[][] = [[]];
    while (this.#at < this.source.length && this.source[this.#at] !== ")") {
      if (this.#takes("|")) sequences.push([]);
      else {
        const node = this.#node();
        sequences.at(-1)?.push({ node, ...this.#quantity() });
      }
    }
    return { kind: "choices", sequences };
  }

  #node(): Node {
    if (this.#takes("^") || this.#takes("$")) return { kind: "nothing" };
    if (this.#takes("(?!") || this.#takes("(?=")) {
      this.choices();
      this.#expect(")");
      return { kind: "nothing" };
    }
    if (this.#takes("(?:") || this.#takes("(")) {
      const inner = this.choices();
      this.#expect(")");
      return inner;
    }
    const set = /^(?:\[(?:\\.|[^\]\\])*\]|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\.|[^])/iu.exec(
      this.source.slice(this.#at),
    )?.[0];
    if (set === undefined) throw new Error(`the pattern breaks off: ${this.source}`);
    this.#at += set.length;
    const form = new RegExp(`^${set}$`, "u");
    return { kind: "one-of", characters: ALPHABET.filter((character) => form.test(character)) };
  }

  #quantity(): { min: number; max: number } {
    if (this.#takes("?")) return { min: 0, max: 1 };
    if (this.#takes("*")) return { min: 0, max: Infinity };
    if (this.#takes("+")) return { min: 1, max: Infinity };
    const [text, min, comma, max] = /^\{(\d+)(,?)(\d*)\}/.exec(this.source.slice(this.#at)) ?? [];
    if (text === undefined) return { min: 1, max: 1 };
    this.#at += text.length;
    const most = comma === "" ? Number(min) : max === "" ? Infinity : Number(max);
    return { min: Number(min), max: most };
  }

  #takes(text: string): boolean {
    if (!this.source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    if (!this.#takes(text)) throw new Error(`${text} is missing in ${this.source}`);
  }
}
