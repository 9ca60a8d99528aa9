// The result of a computed expression → JSON text. The size is counted before anything is joined, so that a
// result that is too large is never built.
import { UnsignedInt } from "./cel.ts";
import type { JsonText } from "./problem.ts";

export type Written =
  { ok: true; json: JsonText } | { ok: false; reason: "too-large" | "not-json"; message: string };

class Unwritable extends Error {
  constructor(
    readonly reason: "too-large" | "not-json",
    message: string,
  ) {
    super(message);
  }
}

/** Writes a value that cel-js gave, at most `maxBytes` of UTF-8. Timestamps become RFC 3339 text. */
export function writeJson(value: unknown, maxBytes: number): Written {
  const writer = new Writer(maxBytes);
  try {
    writer.write(value);
  } catch (error) {
    if (!(error instanceof Unwritable)) throw error;
    return { ok: false, reason: error.reason, message: error.message };
  }
  return { ok: true, json: writer.parts.join("") };
}

class Writer {
  readonly parts: string[] = [];
  readonly #maxBytes: number;
  #left: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#left = maxBytes;
  }

  write(value: unknown): void {
    switch (typeof value) {
      case "string":
        this.#string(value);
        return;
      case "number":
        if (!Number.isFinite(value)) throw notJson("is no finite number");
        this.#add(JSON.stringify(value));
        return;
      case "boolean":
      case "bigint":
        this.#add(String(value));
        return;
      default:
        this.#container(value);
    }
  }

  #container(value: unknown): void {
    if (value === null) this.#add("null");
    else if (Array.isArray(value)) this.#list(value);
    else if (value instanceof Map) this.#members(value);
    else if (value instanceof UnsignedInt) this.#add(value.toString());
    else if (value instanceof Date) this.#timestamp(value);
    else if (isPlainObject(value)) this.#members(Object.entries(value));
    else throw notJson("is no JSON value: text, number, true, false, null, list or map");
  }

  #list(list: readonly unknown[]): void {
    this.#add("[");
    list.forEach((element, at) => {
      if (at > 0) this.#add(",");
      this.write(element);
    });
    this.#add("]");
  }

  #members(members: Iterable<[unknown, unknown]>): void {
    this.#add("{");
    let isFirst = true;
    for (const [key, value] of members) {
      if (!isFirst) this.#add(",");
      isFirst = false;
      this.#string(String(key));
      this.#add(":");
      this.write(value);
    }
    this.#add("}");
  }

  #timestamp(time: Date): void {
    if (Number.isNaN(time.getTime())) throw notJson("is a time outside of years 1 to 9999");
    this.#add(JSON.stringify(time.toISOString()));
  }

  #string(text: string): void {
    // The length first: the text may be a chain of pieces that only reading would join.
    if (text.length > this.#left) throw this.#tooLarge();
    const json = JSON.stringify(text);
    this.#add(json, Buffer.byteLength(json));
  }

  /** Everything but texts is ASCII. */
  #add(part: string, bytes = part.length): void {
    this.#left -= bytes;
    if (this.#left < 0) throw this.#tooLarge();
    this.parts.push(part);
  }

  #tooLarge(): Unwritable {
    return new Unwritable("too-large", `is longer than ${this.#maxBytes} bytes`);
  }
}

function notJson(message: string): Unwritable {
  return new Unwritable("not-json", message);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
