// Which headers a user may add to the requests of a webhook. What frames the message, what belongs
// to one hop and what carries a signature is Fluxhook's own: a user's copy would smuggle or forge.
import type { Dialect } from "./dialects/dialect.ts";
import { DIALECT_NAMES, dialectOf, headersOf } from "./dialects/registry.ts";
import { excerpt } from "./excerpt.ts";

const MAX_HEADERS = 20;
const MAX_TOTAL_BYTES = 4096;

/** RFC 9110 §5.6.2: token. */
const NAME_FORM = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

// RFC 9110 §5.5: a field value neither begins nor ends with white space; a client would trim it,
// and what is sent would not be what was saved. C1 controls are in no text that a user means.
const VALUE_FORM =
  /^(?:[!-~\u00a1-\u00ff](?:[\t\u0020-\u007e\u00a0-\u00ff]*[!-~\u00a1-\u00ff])?)?$/;

/**
 * What the dialects reserve: each of their headers by its name, and of one that begins as their own
 * (`X-Fluxdrop-…`) every name that begins so: it may be the dialect's next one.
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

/** For a schema: what `checkCustomHeaders` accepts, but for the size of all and names in two spellings. */
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

/** All that is wrong with a webhook's custom headers; empty where they can be sent as they are. */
export function checkCustomHeaders(headers: Readonly<Record<string, string>>): HeaderProblem[] {
  const problems: HeaderProblem[] = [];
  const seen = new Set<string>();
  let totalBytes = 0;
  const entries = Object.entries(headers);
  // Before anything is said about each: there may be thousands.
  if (entries.length > MAX_HEADERS) {
    const last = entries[MAX_HEADERS]?.[0] ?? "";
    return [{ name: last, message: `at most ${MAX_HEADERS} headers are accepted` }];
  }
  for (const [name, value] of entries) {
    const lowerName = name.toLowerCase();
    const message = seen.has(lowerName)
      ? "stands twice: header names differ in more than upper and lower case"
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
    return `${excerpt(name)} is no header name; accepted are letters, digits and !#$%&'*+-.^_\`|~`;
  }
  const isReserved =
    RESERVED_NAMES.has(lowerName) ||
    RESERVED_PREFIXES.some((prefix) => lowerName.startsWith(prefix));
  return isReserved ? "is set by Fluxhook or by the connection and cannot be replaced" : null;
}

/** The value is not in the message: it may be a credential. */
function valueProblem(value: string): string | null {
  return VALUE_FORM.test(value)
    ? null
    : "the value must be visible Latin-1 text without control characters or surrounding spaces";
}
