// Reads a captured HTTP/1.1 request (RFC 9112) from a file: headers, and the body's exact bytes.

export interface CapturedRequest {
  headers: Headers;
  body: Uint8Array<ArrayBuffer>;
}

/** Limit for the headers. */
const MAX_HEAD_BYTES = 256 * 1024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Returns the request, or what is wrong with it and what is accepted. */
export function readRawRequest(bytes: Uint8Array<ArrayBuffer>): CapturedRequest | string {
  const bodyAt = endOfHead(bytes);
  if (bodyAt === null) {
    return "it has no empty line; accepted is a request line, headers, an empty line and the body";
  }
  const [first = "", ...lines] = new TextDecoder("latin1")
    .decode(bytes.subarray(0, bodyAt))
    .split(/\r?\n/)
    .filter((line) => line !== "");
  const headers = new Headers();
  // The request line may be missing: `curl -v` and proxies show only the headers.
  const isRequestLine = /^[A-Z]+ \S+( HTTP\/[\d.]+)?$/.test(first);
  for (const line of isRequestLine ? lines : [first, ...lines]) {
    const colon = line.indexOf(":");
    try {
      headers.append(line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim());
    } catch {
      return "one of its lines is not a header; accepted is Name: value";
    }
  }
  if (headers.has("transfer-encoding")) {
    return "its body is chunked; give the decoded body, without Transfer-Encoding";
  }
  return withLength(headers, bytes.slice(bodyAt));
}

/** Cuts the body to Content-Length: editors add a line feed at the end of a file. */
function withLength(headers: Headers, body: Uint8Array<ArrayBuffer>): CapturedRequest | string {
  const named = headers.get("content-length");
  if (named === null) return { headers, body };
  const length = /^\d{1,12}$/.test(named) ? Number(named) : Number.POSITIVE_INFINITY;
  return length <= body.length
    ? { headers, body: body.slice(0, length) }
    : `its body has ${body.length} bytes, but Content-Length is ${named}; give the whole body`;
}

/** Returns where the body begins: after the first empty line, with LF or CRLF. */
function endOfHead(bytes: Uint8Array): number | null {
  const end = Math.min(bytes.length, MAX_HEAD_BYTES);
  for (let at = 0; at < end; at++) {
    if (bytes[at] !== LINE_FEED) continue;
    const next = bytes[at + 1] === CARRIAGE_RETURN ? at + 2 : at + 1;
    if (bytes[next] === LINE_FEED) return next + 1;
  }
  return null;
}
