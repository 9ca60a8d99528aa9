// Parses JSON so that JSON.stringify writes its numbers as they were: 1.10 stays 1.10, and integers beyond
// 2^53 keep their digits. Such a number is an object of JSON.rawJSON, so nothing may compute with it.

interface Source {
  source?: string;
}

// TypeScript does not know these two yet (ECMA-262, "JSON.parse source text access").
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => object };
const parse = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: Source) => unknown,
) => unknown;

/** @throws SyntaxError */
export function parseExactJson(text: string): unknown {
  return parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source
      ? rawJSON(source)
      : value,
  );
}
