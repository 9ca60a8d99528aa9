// Which headers a workflow may add to its answers. The dashboard is on the same origin, so what concerns the
// whole origin, the connection or the framing of the body is refused.
import { excerpt } from "../excerpt.ts";

const MAX_HEADERS = 20;
const MAX_TOTAL_BYTES = 4_096;
/** RFC 9110 §5.6.2: token. */
const NAME_FORM = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 §5.5, without white space at either end. */
const VALUE_FORM =
  /^(?:[!-~\u00a1-\u00ff](?:[\t\u0020-\u007e\u00a0-\u00ff]*[!-~\u00a1-\u00ff])?)?$/;

/** RFC 9110 §7.6.1 and what frames a message; then what affects the whole origin; then Fluxhook's own. */
const RESERVED = new Set([
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
  "content-encoding",
  "content-range",
  "alt-svc",
  "clear-site-data",
  "service-worker-allowed",
  "set-cookie",
  "set-cookie2",
  "strict-transport-security",
  "content-security-policy",
  "x-content-type-options",
  "x-execution-id",
  "idempotency-replayed",
]);

export function checkResponseHeaders(
  headers: Readonly<Record<string, string>>,
): { name: string; message: string }[] {
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) {
    const name = entries[MAX_HEADERS]?.[0] ?? "";
    return [{ name, message: `at most ${MAX_HEADERS} headers are accepted` }];
  }
  const seen = new Set<string>();
  let bytes = 0;
  const problems: { name: string; message: string }[] = [];
  for (const [name, value] of entries) {
    const lower = name.toLowerCase();
    const message = problemOf(name, lower, value, seen);
    if (message !== null) problems.push({ name, message });
    seen.add(lower);
    bytes += name.length + value.length;
  }
  if (bytes > MAX_TOTAL_BYTES) {
    const message = `names and values are ${bytes} bytes together; accepted are ${MAX_TOTAL_BYTES}`;
    problems.push({ name: entries.at(-1)?.[0] ?? "", message });
  }
  return problems;
}

function problemOf(
  name: string,
  lower: string,
  value: string,
  seen: ReadonlySet<string>,
): string | null {
  if (!NAME_FORM.test(name)) return `${excerpt(name)} is not a header name`;
  if (seen.has(lower)) return "is given twice; header names are not case-sensitive";
  if (RESERVED.has(lower) || lower.startsWith("proxy-") || lower.startsWith("access-control-")) {
    return "is set by Fluxhook or concerns the whole origin, and cannot be set by a workflow";
  }
  if (VALUE_FORM.test(value)) return null;
  return "must be visible Latin-1 text without control characters or surrounding spaces";
}
