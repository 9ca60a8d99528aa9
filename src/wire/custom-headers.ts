// Which headers a user may add to the requests of a webhook. Framing headers, hop-by-hop headers and
// signature headers are reserved: a user's copy would allow request smuggling or forged signatures.
import type { Dialect } from "./dialects/dialect.ts";
import { DIALECT_NAMES, dialectOf, headersOf } from "./dialects/registry.ts";
import { excerpt } from "./excerpt.ts";

const MAX_HEADERS = 20;
const MAX_TOTAL_BYTES = 4096;

/** RFC 9110 §5.6.2: token. */
const NAME_FORM = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

// RFC 9110 §5.5: a field value neither begins nor ends with white space. A client would trim it and
// send something else than what was saved. C1 control characters are never intended.
const VALUE_FORM =
  /^(?:[!-~\u00a1-\u00ff](?:[\t\u0020-\u007e\u00a0-\u00ff]*[!-~\u00a1-\u00ff])?)?$/;

/**
 * Returns the names and prefixes that dialects reserve: the name of each of their headers, and the
 * prefix of a dialect's own headers (`X-Fluxdrop-…`), because the dialect may add more of them later.
 */
export function reservedBy(dialects: readonly Dialect[]): { names: string[]; prefixes: string[] } {
  const names = headersOf(dialects).map((name) => name.toLowerCase());
  const prefixes = names.flatMap((name) => /^x-[^-]+-/.exec(name)?.[0] ?? []);
  return { names, prefixes: [...new Set(prefixes)] };
}

const OF_DIALECTS = reservedBy(DIALECT_NAMES.map(dialectOf));

const RESERVED_NAMES = new Set([
  "host",
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "user-agent",
  "accept-encoding",
  "traceparent",
  "tracestate",
  ...OF_DIALECTS.names,
]);

const RESERVED_PREFIXES = ["content-", "proxy-", "webhook-", ...OF_DIALECTS.prefixes];

/** JSON Schema of custom headers. `checkCustomHeaders` also checks total size and repeated names. */
export const CUSTOM_HEADERS_FORM = {
  maxProperties: MAX_HEADERS,
  propertyNames: {
    pattern:
      `^(?!__proto__$)(?!(?:${[...RESERVED_NAMES].map(inEitherCase).join("|")})$)` +
      `(?!${RESERVED_PREFIXES.map(inEitherCase).join("|")})${NAME_FORM.source.slice(1)}`,
  },
  additionalProperties: { type: "string", pattern: VALUE_FORM.source },
} as const;

/** JSON Schema's patterns have no flags. */
function inEitherCase(name: string): string {
  return name.replaceAll(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`);
}

export interface HeaderProblem {
  name: string;
  message: string;
}

/** Returns every problem with a webhook's custom headers; empty if they can be sent. */
export function checkCustomHeaders(headers: Readonly<Record<string, string>>): HeaderProblem[] {
  const problems: HeaderProblem[] = [];
  const seen = new Set<string>();
  let totalBytes = 0;
  const entries = Object.entries(headers);
  // Checked before the single headers: there may be thousands.
  if (entries.length > MAX_HEADERS) {
    const last = entries[MAX_HEADERS]?.[0] ?? "";
    return [{ name: last, message: `at most ${MAX_HEADERS} headers are accepted` }];
  }
  for (const [name, value] of entries) {
    const lowerName = name.toLowerCase();
    const message = seen.has(lowerName)
      ? "is given twice; header names are not case-sensitive"
      : (nameProblem(name, lowerName) ?? valueProblem(value));
    if (message !== null) problems.push({ name, message });
    seen.add(lowerName);
    // Accepted names and values are Latin-1: one character is one byte.
    totalBytes += name.length + value.length;
  }
  const last = entries.at(-1)?.[0] ?? "";
  if (totalBytes > MAX_TOTAL_BYTES) {
    problems.push({
      name: last,
      message: `names and values are ${totalBytes} bytes together; accepted are ${MAX_TOTAL_BYTES}`,
    });
  }
  return problems;
}

function nameProblem(name: string, lowerName: string): string | null {
  if (!NAME_FORM.test(name)) {
    return `${excerpt(name)} is not a header name; accepted are letters, digits and !#$%&'*+-.^_\`|~`;
  }
  const isReserved =
    RESERVED_NAMES.has(lowerName) ||
    RESERVED_PREFIXES.some((prefix) => lowerName.startsWith(prefix));
  return isReserved ? "is set by Fluxhook or by the connection and cannot be replaced" : null;
}

/** The message does not repeat the value, which may be a credential. */
function valueProblem(value: string): string | null {
  return VALUE_FORM.test(value)
    ? null
    : "the value must be visible Latin-1 text without control characters or surrounding spaces";
}
