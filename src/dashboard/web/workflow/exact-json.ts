// Parses JSON so that JSON.stringify writes its numbers as they were, where the browser can: 1.10 stays 1.10.

interface Source {
  source?: string;
}

// TypeScript does not know these yet (ECMA-262, "JSON.parse source text access").
const { rawJSON } = JSON as unknown as { rawJSON?: (text: string) => object };
const parse = JSON.parse as (
  text: string,
  reviver?: (key: string, value: unknown, context?: Source) => unknown,
) => unknown;

/** @throws SyntaxError */
export function parseExact(text: string): unknown {
  if (rawJSON === undefined) return JSON.parse(text);
  return parse(text, (_key, value, context) => {
    const source = context?.source;
    const isChanged = typeof value === "number" && source !== undefined && String(value) !== source;
    return isChanged ? rawJSON(source) : value;
  });
}

/** As an author reads it. */
export function jsonText(value: unknown): string {
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}
