// The head of one request (RFC 9112 §3 to §6): a POST with its body behind it.
import { BoundedMap } from "../../bounded-map.ts";
import type { Target } from "../guard/target.ts";

/** What frames the message is said once, here: a second copy would smuggle a request. */
const FRAMING = new Set(["host", "connection", "content-length", "transfer-encoding"]);
/** RFC 9110 §5.1. */
const NAME_FORM = /^[!#$%&'*+.^_`|~\w-]+$/;
/** Latin-1, a byte for each character, and no control characters but those that end a line. */
const HEAD_FORM = /^(?:[\t\x20-\x7e\x80-\xff]+\r\n)+\r\n$/;
const VALUE_FORM = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Latin-1, with the empty line at its end.
 * @throws TypeError with code ERR_INVALID_HEADER where a header cannot be sent.
 */
export function requestHead(
  { pathAndQuery, hostHeader }: Target,
  headers: Readonly<Record<string, string>>,
  bodyBytes: number,
): string {
  let head = `POST ${pathAndQuery} HTTP/1.1\r\nHost: ${hostHeader}\r\nConnection: keep-alive\r\n`;
  let lines = 5;
  let accepts = false;
  for (const name in headers) {
    const kind = names.get(name) ?? kindOf(name);
    if (kind === "framing") continue;
    if (kind === "accept") accepts = true;
    head += `${name}: ${headers[name] ?? ""}\r\n`;
    lines += 1;
  }
  if (!accepts) {
    head += "Accept: */*\r\n";
    lines += 1;
  }
  head += `Content-Length: ${bodyBytes}\r\n\r\n`;
  // All at once: to look at each value costs as much as all else of this function (measured).
  if (!HEAD_FORM.test(head) || linesOf(head) !== lines) throw invalidHeader(headers);
  return head;
}

const names = new BoundedMap<string, NameKind>(1_000);

type NameKind = "framing" | "accept" | "other";

/** The same dozen with nearly every request: looked at once. */
function kindOf(name: string): NameKind {
  const lowerName = name.toLowerCase();
  let kind: NameKind = lowerName === "accept" ? "accept" : "other";
  if (!NAME_FORM.test(name)) throw invalidHeader({ [name]: "" });
  if (FRAMING.has(lowerName)) kind = "framing";
  names.set(name, kind);
  return kind;
}

/** A value with a line end in it would be a header of its own. */
function linesOf(head: string): number {
  let lines = 0;
  for (let at = head.indexOf("\n"); at !== -1; at = head.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/** The value is not in the message: it may be a credential. */
function invalidHeader(headers: Readonly<Record<string, string>>): TypeError {
  const isInvalid = (name: string) =>
    !NAME_FORM.test(name) || !VALUE_FORM.test(headers[name] ?? "");
  const name = Object.keys(headers).find(isInvalid) ?? "";
  const message = `the header ${JSON.stringify(name.slice(0, 64))} cannot be sent`;
  return Object.assign(new TypeError(message), { code: "ERR_INVALID_HEADER" });
}
