// A found value for an error message: short, on one line, safe to print on a terminal.

const MAX_LENGTH = 80;

// Control characters, line separators, and the marks that reorder text on a screen.
const UNPRINTABLE =
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Returns the value as JSON, cut to about 80 characters. Objects and arrays are only named. */
export function excerpt(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value !== "string") return JSON.stringify(value) ?? typeof value;
  let shown = "";
  let used = 0;
  for (const character of value) {
    const piece = JSON.stringify(character).slice(1, -1).replace(UNPRINTABLE, codeUnit);
    if (shown.length + piece.length > MAX_LENGTH) break;
    shown += piece;
    used += character.length;
  }
  return used === value.length ? `"${shown}"` : `"${shown}…" (${value.length} characters)`;
}

function codeUnit(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
