// Any JSON with {{ expressions }} in the texts that are its values; keys are never templates. A text that is
// one expression alone becomes its value, with its type. Inside a text, a text is inserted as it is, null as
// nothing, anything else as JSON. What an expression gives is never read as a template again.
import { isDeeperThan } from "../wire/json-path.ts";
import { arrayElements, objectMembers, type Span } from "../wire/json-spans.ts";
import { splitText } from "./braces.ts";
import { compileExpression, type Expression } from "./expression.ts";
import { MAX_DATA_DEPTH } from "./limits.ts";
import { fail, type Compiled, type JsonText, type Problem, type Result } from "./problem.ts";
import type { Roots } from "./roots.ts";
import type { Scope } from "./scope.ts";

export interface Template {
  /** Returns the JSON with its expressions evaluated, at most `maxBytes` of UTF-8. */
  render(scope: Scope, maxBytes: number): Result;
}

/** JSON text as the author wrote it, or an expression in the place of a value or inside of a text. */
type Part = JsonText | { expression: Expression; isInText: boolean };

/**
 * Compiles JSON text that JSON.parse accepts. What has no expression in it stays as it was written, numbers
 * like 1.10 included. Returns every problem, each with the path of its field.
 */
export function compileTemplate(json: JsonText, field: string, roots: Roots): Compiled<Template> {
  if (isDeeperThan(json, MAX_DATA_DEPTH)) {
    const message = `it is nested deeper than ${MAX_DATA_DEPTH}`;
    return { ok: false, problems: [{ code: "too-complex", message, field }] };
  }
  const compiler = new TemplateCompiler(json, roots);
  compiler.compile({ start: 0, end: json.length }, field);
  if (compiler.problems.length > 0) return { ok: false, problems: compiler.problems };
  const parts = compiler.finish();
  return { ok: true, value: { render: (scope, max) => render(parts, field, scope, max) } };
}

class TemplateCompiler {
  readonly problems: Problem[] = [];
  readonly #parts: Part[] = [];
  readonly #json: string;
  readonly #roots: Roots;
  /** Up to here the text is in `#parts`. */
  #done = 0;

  constructor(json: string, roots: Roots) {
    this.#json = json;
    this.#roots = roots;
  }

  compile({ start, end }: Span, field: string): void {
    const text = this.#json.slice(start, end);
    const from = start + (text.length - text.trimStart().length);
    const first = this.#json[from];
    if (first === '"') {
      this.#text({ start: from, end: start + text.trimEnd().length }, field);
    } else if (first === "{") {
      for (const member of objectMembers(text)) {
        const span = { start: start + member.start, end: start + member.end };
        this.compile(span, fieldOf(field, member.key));
      }
    } else if (first === "[") {
      for (const [at, element] of arrayElements(text).entries()) {
        const span = { start: start + element.start, end: start + element.end };
        this.compile(span, `${field}[${at}]`);
      }
    }
  }

  finish(): Part[] {
    this.#copyUpTo(this.#json.length);
    return this.#parts;
  }

  #text(span: Span, field: string): void {
    const text = JSON.parse(this.#json.slice(span.start, span.end)) as string;
    if (!text.includes("{{")) return;
    const split = splitText(text, field);
    if (!split.ok) {
      this.problems.push(...split.problems);
      return;
    }
    this.#copyUpTo(span.start);
    this.#done = span.end;
    const isInText = split.value.length > 1;
    if (isInText) this.#parts.push('"');
    for (const piece of split.value) {
      if ("literal" in piece) {
        this.#parts.push(inString(piece.literal));
        continue;
      }
      const place = { field, offset: piece.offset };
      const compiled = compileExpression(piece.source, this.#roots, place);
      if (compiled.ok) this.#parts.push({ expression: compiled.value, isInText });
      else this.problems.push(...compiled.problems);
    }
    if (isInText) this.#parts.push('"');
  }

  #copyUpTo(end: number): void {
    if (end > this.#done) this.#parts.push(this.#json.slice(this.#done, end));
    this.#done = end;
  }
}

function render(parts: readonly Part[], field: string, scope: Scope, maxBytes: number): Result {
  const texts: string[] = [];
  let left = maxBytes;
  for (const part of parts) {
    let text: string;
    if (typeof part === "string") {
      text = part;
    } else {
      const result = part.expression.evaluate(scope, left);
      if (!result.ok) return result;
      text = part.isInText ? insertedJson(result.json) : result.json;
    }
    left -= Buffer.byteLength(text);
    if (left < 0) {
      const message = `the result is longer than ${maxBytes} bytes`;
      return fail({ code: "too-large", message, field });
    }
    texts.push(text);
  }
  return { ok: true, json: texts.join("") };
}

/** What is inserted between the quotes of a JSON string for a value. */
function insertedJson(json: JsonText): string {
  if (json === "null") return "";
  // A JSON string is already written as it has to be.
  return json.startsWith('"') ? json.slice(1, -1) : inString(json);
}

/** Returns what is inserted in a text for a value: a text as it is, null as nothing, anything else as JSON. */
export function insertedText(json: JsonText): string {
  if (json === "null") return "";
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}

function inString(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function fieldOf(parent: string, key: string): string {
  return /^[\w-]+$/.test(key) ? `${parent}.${key}` : `${parent}[${JSON.stringify(key)}]`;
}
