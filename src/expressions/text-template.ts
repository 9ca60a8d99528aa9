// Templates whose result is a text: ids and event types, URLs, header values.
import { splitText, type Piece } from "./braces.ts";
import { compileExpression, type Expression } from "./expression.ts";
import { fail, type Compiled, type Problem } from "./problem.ts";
import type { Roots } from "./roots.ts";
import type { Scope } from "./scope.ts";
import { insertedText } from "./template.ts";

export type TextResult = { ok: true; text: string } | { ok: false; problem: Problem };

export interface TextTemplate {
  render(scope: Scope, maxBytes: number): TextResult;
}

type Part = string | Expression;
/** Puts `inserted` behind what is there, or says why it may not stand there. */
type Insert = (before: string, inserted: string, source: string) => string | Fault;
type Fault = Pick<Problem, "code" | "message">;
type Check = (text: string) => Fault | null;

/** Compiles a text such as `user_id` or `event`: what an expression gives is inserted as it is. */
export function compileText(text: string, field: string, roots: Roots): Compiled<TextTemplate> {
  return compile(
    text,
    field,
    roots,
    (before, inserted) => before + inserted,
    () => null,
  );
}

/**
 * Compiles a URL. What is inserted behind the host is percent-encoded, so that a sender cannot write path,
 * query or fragment. An expression that begins the URL gives all of what it says.
 */
export function compileUrl(text: string, field: string, roots: Roots): Compiled<TextTemplate> {
  return compile(text, field, roots, insertInUrl, checkUrl);
}

/** Compiles a header's value; one with CR, LF or NUL is refused (RFC 9110 §5.5). */
export function compileHeader(text: string, field: string, roots: Roots): Compiled<TextTemplate> {
  return compile(text, field, roots, (before, inserted) => before + inserted, checkHeader);
}

function compile(
  text: string,
  field: string,
  roots: Roots,
  insert: Insert,
  check: Check,
): Compiled<TextTemplate> {
  const split = splitText(text, field);
  if (!split.ok) return split;
  const problems: Problem[] = [];
  const parts: Part[] = [];
  for (const piece of split.value) {
    if ("literal" in piece) parts.push(piece.literal);
    else parts.push(...compilePiece(piece, field, roots, problems));
  }
  const isFixed = parts.every((part) => typeof part === "string");
  const fault = isFixed ? check(text) : null;
  if (fault !== null) problems.push({ ...fault, field });
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    value: {
      render(scope, maxBytes) {
        const rendered = render(parts, insert, field, scope, maxBytes);
        const wrong = rendered.ok ? check(rendered.text) : null;
        return wrong === null ? rendered : fail({ ...wrong, field });
      },
    },
  };
}

function compilePiece(
  { source, offset }: Exclude<Piece, { literal: string }>,
  field: string,
  roots: Roots,
  problems: Problem[],
): Expression[] {
  const compiled = compileExpression(source, roots, { field, offset });
  if (compiled.ok) return [compiled.value];
  problems.push(...compiled.problems);
  return [];
}

function render(
  parts: readonly Part[],
  insert: Insert,
  field: string,
  scope: Scope,
  maxBytes: number,
): TextResult {
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") {
      text += part;
      continue;
    }
    const result = part.evaluate(scope, maxBytes);
    if (!result.ok) return result;
    const extended = insert(text, insertedText(result.json), part.source.trim());
    if (typeof extended !== "string") return fail({ ...extended, field });
    text = extended;
    // Before the next piece: a hundred expressions of the size limit would be a hundred times as long.
    if (text.length > maxBytes) break;
  }
  if (Buffer.byteLength(text) > maxBytes) {
    return fail({ code: "too-large", message: `it is longer than ${maxBytes} bytes`, field });
  }
  return { ok: true, text };
}

/** `scheme://host`, and what ends a host. */
const BEHIND_HOST = /^[^:/?#]*:\/\/[^/?#\\]+[/?#\\]/;
/** What cannot end the host, nor begin user information. */
const HOST_CHARACTERS = /^[A-Za-z0-9.-]*$/;

function insertInUrl(before: string, inserted: string, source: string): string | Fault {
  if (before === "") return inserted;
  if (!BEHIND_HOST.test(before)) {
    if (HOST_CHARACTERS.test(inserted)) return before + inserted;
    const message = `${source} is in the place of the host and has other characters than A-Z a-z 0-9 . -`;
    return { code: "unsafe-url", message };
  }
  if (!inserted.isWellFormed()) {
    return { code: "unsafe-url", message: `${source} is no valid Unicode text` };
  }
  return before + encodeURIComponent(inserted);
}

/** URL parsers take `..` out, together with the segment before it, percent-encoded or not (WHATWG URL). */
const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i;

function checkUrl(url: string): Fault | null {
  const [path = ""] = url.split(/[?#]/, 1);
  if (
    !path
      .split(/[/\\]/)
      .slice(1)
      .some((segment) => DOT_SEGMENT.test(segment))
  )
    return null;
  return {
    code: "unsafe-url",
    message: "its path has a segment . or .., which leads to another path",
  };
}

function checkHeader(value: string): Fault | null {
  for (const [name, character] of [
    ["CR", "\r"],
    ["LF", "\n"],
    ["NUL", "\0"],
  ] as const) {
    if (!value.includes(character)) continue;
    return { code: "unsafe-header", message: `the header's value has a ${name} character` };
  }
  return null;
}
