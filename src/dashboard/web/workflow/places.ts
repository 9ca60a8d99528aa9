// Where a field of a JSON document is in its text, so that an error can be shown at its place.

export interface Place {
  start: number;
  end: number;
  /** From 1. */
  line: number;
}

/**
 * Finds the value at a dotted path such as `nodes.1.value`; of a path that leads nowhere, the last value on it
 * that exists. The text must have passed JSON.parse.
 */
export function placeOf(text: string, field: string): Place {
  const keys = field === "" ? [] : field.split(".");
  let span = valueAt(text, skip(text, 0));
  for (const key of keys) {
    const member = memberOf(text, span.start, key);
    if (member === null) break;
    span = member;
  }
  const before = text.slice(0, span.start);
  return { ...span, line: before.split("\n").length };
}

interface Span {
  start: number;
  end: number;
}

function memberOf(text: string, start: number, key: string): Span | null {
  const isObject = text[start] === "{";
  if (!isObject && text[start] !== "[") return null;
  let at = skip(text, start + 1);
  for (let index = 0; at < text.length && text[at] !== "}" && text[at] !== "]"; index++) {
    let name = String(index);
    if (isObject) {
      const end = stringEnd(text, at);
      name = JSON.parse(text.slice(at, end)) as string;
      at = skip(text, skip(text, end) + 1);
    }
    const span = valueAt(text, at);
    if (name === key) return span;
    at = skip(text, span.end);
    if (text[at] === ",") at = skip(text, at + 1);
  }
  return null;
}

function valueAt(text: string, start: number): Span {
  if (text[start] === '"') return { start, end: stringEnd(text, start) };
  let depth = 0;
  let at = start;
  while (at < text.length) {
    const character = text[at] ?? "";
    if (character === '"') at = stringEnd(text, at) - 1;
    else if (character === "{" || character === "[") depth += 1;
    else if (character === "}" || character === "]") {
      if (depth === 0) break;
      depth -= 1;
      if (depth === 0) return { start, end: at + 1 };
    } else if (depth === 0 && (character === "," || /\s/.test(character))) break;
    at += 1;
  }
  return { start, end: at };
}

function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function skip(text: string, at: number): number {
  let next = at;
  while (next < text.length && /\s/.test(text[next] ?? "")) next += 1;
  return next;
}
