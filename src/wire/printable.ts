// Makes foreign text safe to print on a terminal or into a log. Control characters move the cursor and
// write escape sequences (ECMA-48), a line feed forges a line, and the marks of Unicode's bidirectional
// algorithm (UAX #9) reorder the visible text.

/** Controls, format characters with the bidi marks, surrogates, private use, line separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const UNPRINTABLE_IN_LINE = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/gu;
const UNPRINTABLE_IN_JSON = /[^\P{C}\t\n\r]|[\p{Zl}\p{Zp}]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Escapes every invisible character, line feeds included: the text stays on its line. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => SHORT[character] ?? escaped(character));
}

/** Like `printable`, but keeps line feeds: for text of several lines that Fluxhook composed. */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLE_IN_LINE, (character) => SHORT[character] ?? escaped(character));
}

/** Escapes such characters in JSON (RFC 8259 §7). Valid JSON can have them only inside strings. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE_IN_JSON, escaped);
}

/** One `\u` escape for each UTF-16 code unit. */
function escaped(character: string): string {
  let text = "";
  for (let at = 0; at < character.length; at += 1) {
    text += `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  }
  return text;
}
