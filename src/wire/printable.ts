// Text from outside, made safe for a terminal and for a log that somebody reads on one. Control
// characters move the cursor and write escape sequences (ECMA-48), a line feed forges a line, and the
// marks of Unicode's bidirectional algorithm (UAX #9) reorder what is seen.

/** Controls, format characters with the bidi marks, surrogates, private use, line separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const UNPRINTABLE_IN_LINE = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/gu;
const UNPRINTABLE_IN_JSON = /[^\P{C}\t\n\r]|[\p{Zl}\p{Zp}]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Escapes all that is no visible character, a line feed too: the text stays on its line. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => SHORT[character] ?? escaped(character));
}

/** The same for a text of several lines that was put together here: its line feeds stay. */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLE_IN_LINE, (character) => SHORT[character] ?? escaped(character));
}

/** The same JSON (RFC 8259 §7) with such characters escaped; they can only be inside of strings. */
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
