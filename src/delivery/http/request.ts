// Writes the head of one request (RFC 9112 §3 to §6), and merges its headers.
import { BoundedMap } from "../../bounded-map.ts";
import type { Target } from "../guard/target.ts";

/** Framing headers are written here and only here; a duplicate would allow request smuggling. */
const FRAMING = new Set(["host", "connection", "content-length", "transfer-encoding"]);
const EXPECTS_BODY = new Set(["POST", "PUT", "PATCH"]);
/** RFC 9110 §5.1. */
const NAME_FORM = /^[!#$%&'*+.^_`|~\w-]+$/;
/** Latin-1, one byte per character, and no control characters except tabs and line ends. */
const HEAD_FORM = /^(?:[\t\x20-\x7e\x80-\xff]+\r\n)+\r\n$/;
const VALUE_FORM = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Returns the head in Latin-1, including the empty line at its end.
 * @throws TypeError with code ERR_INVALID_HEADER if a header cannot be sent.
 */
export function requestHead(
  { pathAndQuery, hostHeader }: Target,
  headers: Readonly<Record<string, string>>,
  bodyBytes: number,
  method = "POST",
): string {
  let head = `${method} ${pathAndQuery} HTTP/1.1\r\nHost: ${hostHeader}\r\nConnection: keep-alive\r\n`;
  let lines = 4;
  let hasAccept = false;
  for (const name in headers) {
    const kind = nameKinds.get(name) ?? kindOf(name);
    if (kind === "framing") continue;
    if (kind === "accept") hasAccept = true;
    head += `${name}: ${headers[name] ?? ""}\r\n`;
    lines += 1;
  }
  if (!hasAccept) {
    head += "Accept: */*\r\n";
    lines += 1;
  }
  // RFC 9110 §8.6: none without a body, where the method does not expect one.
  if (bodyBytes > 0 || EXPECTS_BODY.has(method)) {
    head += `Content-Length: ${bodyBytes}\r\n`;
    lines += 1;
  }
  head += "\r\n";
  // Checks all values in one step; a check per value doubles the cost of this function (measured:
  // commit 4b5e1a3).
  if (!HEAD_FORM.test(head) || linesOf(head) !== lines) throw invalidHeader(headers);
  return head;
}

const nameKinds = new BoundedMap<string, NameKind>(1_000);

type NameKind = "framing" | "accept" | "other";

/** Nearly all requests have the same dozen names, so each is checked once and cached. */
function kindOf(name: string): NameKind {
  const lowerName = name.toLowerCase();
  let kind: NameKind = lowerName === "accept" ? "accept" : "other";
  if (!NAME_FORM.test(name)) throw invalidHeader({ [name]: "" });
  if (FRAMING.has(lowerName)) kind = "framing";
  nameKinds.set(name, kind);
  return kind;
}

/** Counts lines: a line end inside a value would start another header. */
function linesOf(head: string): number {
  let lines = 0;
  for (let at = head.indexOf("\n"); at !== -1; at = head.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/** The message does not contain the value, which may be a credential. */
function invalidHeader(headers: Readonly<Record<string, string>>): TypeError {
  const isInvalid = (name: string) =>
    !NAME_FORM.test(name) || !VALUE_FORM.test(headers[name] ?? "");
  const name = Object.keys(headers).find(isInvalid) ?? "";
  const message = `the header ${JSON.stringify(name.slice(0, 64))} cannot be sent`;
  return Object.assign(new TypeError(message), { code: "ERR_INVALID_HEADER" });
}

/**
 * Merges the webhook's custom headers with Fluxhook's own, which win. Compares names without case
 * (RFC 9110 §5.1); otherwise a header in two spellings would be sent twice.
 */
export function mergeHeaders(
  custom: Readonly<Record<string, string>>,
  authorization: string | null,
  ours: Record<string, string>,
): Record<string, string> {
  const names = Object.keys(custom);
  if (names.length === 0) {
    return authorization === null ? ours : { Authorization: authorization, ...ours };
  }
  const taken = new Set(Object.keys(ours).map((name) => name.toLowerCase()));
  const merged: Record<string, string> = {};
  for (const name of names) {
    const lowerName = name.toLowerCase();
    // A custom Authorization header replaces the URL's credentials.
    if (lowerName === "authorization") authorization = null;
    if (lowerName !== "host" && !taken.has(lowerName)) merged[name] = custom[name]!;
  }
  if (authorization !== null) merged["Authorization"] = authorization;
  return Object.assign(merged, ours);
}
