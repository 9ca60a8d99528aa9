// Where the expressions of a text are: `{{ … }}`.
import { refuse, type Compiled } from "./problem.ts";

/** A piece of a text: as it is written, or the source of an expression. */
export type Piece = { literal: string } | { source: string; offset: number };

/** Splits a text into literal pieces and expressions. A literal `{{` is `{{'{{'}}`. */
export function splitText(text: string, field: string): Compiled<Piece[]> {
  const pieces: Piece[] = [];
  let at = 0;
  for (;;) {
    const open = text.indexOf("{{", at);
    if (open === -1) {
      if (at < text.length) pieces.push({ literal: text.slice(at) });
      return { ok: true, value: pieces };
    }
    if (open > at) pieces.push({ literal: text.slice(at, open) });
    const close = expressionEnd(text, open + 2);
    if (close === -1) {
      const message = `{{ at character ${open + 1} is not closed by }}; a literal {{ is {{'{{'}}`;
      return refuse({ code: "unclosed", message, field, range: { start: open, end: text.length } });
    }
    pieces.push({ source: text.slice(open + 2, close), offset: open + 2 });
    at = close + 2;
  }
}

/** Returns what is between the braces where the text is one expression in braces, else the text itself. */
export function withoutBraces(text: string): { source: string; offset: number } {
  if (text.startsWith("{{")) {
    const close = expressionEnd(text, 2);
    if (close !== -1 && close + 2 === text.length)
      return { source: text.slice(2, close), offset: 2 };
  }
  return { source: text, offset: 0 };
}

/** The first `}}` outside of quotes and of the expression's own braces, or -1. */
function expressionEnd(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (character === '"' || character === "'") {
      at = quoteEnd(text, at, character);
      if (at === -1) return -1;
    } else if (character === "{") {
      depth++;
    } else if (character === "}") {
      if (depth === 0) return text[at + 1] === "}" ? at : -1;
      depth--;
    }
  }
  return -1;
}

/** The last character of the quoted text that begins at `start`, or -1. CEL has ''' and """ too. */
function quoteEnd(text: string, start: number, quote: string): number {
  const isTriple = text.startsWith(quote.repeat(3), start);
  const closing = isTriple ? quote.repeat(3) : quote;
  for (let at = start + closing.length; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text.startsWith(closing, at)) return at + closing.length - 1;
  }
  return -1;
}
