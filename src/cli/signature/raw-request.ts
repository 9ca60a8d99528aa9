// A request as it stood on the wire (RFC 9112), out of a file: headers, and the body's exact bytes.

export interface CapturedRequest {
  headers: Headers;
  body: Uint8Array<ArrayBuffer>;
}

/** Of headers; nobody means to verify more. */
const MAX_HEAD_BYTES = 256 * 1024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The request, or what is wrong with it and what is accepted. */
export function readRawRequest(bytes: Uint8Array<ArrayBuffer>): CapturedRequest | string {
  const bodyAt = endOfHead(bytes);
  if (bodyAt === null) {
    return "there is no empty line in it; accepted is a request line, headers, an empty line and the body";
  }
  const [first = "", ...lines] = new TextDecoder("latin1")
    .decode(bytes.subarray(0, bodyAt))
    .split(/\r?\n/)
    .filter((line) => line !== "");
  const headers = new Headers();
  // The request line may be left out: `curl -v` and proxies show the headers alone.
  const isRequestLine = /^[A-Z]+ \S+( HTTP\/[\d.]+)?$/.test(first);
  for (const line of isRequestLine ? lines : [first, ...lines]) {
    const colon = line.indexOf(":");
    try {
      headers.append(line.slice(0, Math.max(0, colon)), line.slice(colon + 1).trim());
    } catch {
      return "one of its lines is no header; accepted is Name: value";
    }
  }
  if (headers.has("transfer-encoding")) {
    return "its body is in chunks; give the body as it is, without Transfer-Encoding";
  }
  return withLength(headers, bytes.slice(bodyAt));
}

/** Editors put a line feed at a file's end: the length that the request names goes before. */
function withLength(headers: Headers, body: Uint8Array<ArrayBuffer>): CapturedRequest | string {
  const named = headers.get("content-length");
  if (named === null) return { headers, body };
  const length = /^\d{1,12}$/.test(named) ? Number(named) : Number.POSITIVE_INFINITY;
  return length <= body.length
    ? { headers, body: body.slice(0, length) }
    : `its body has ${body.length} bytes, and Content-Length says ${named}; give all of it`;
}

/** Where the body begins: behind the first empty line, whichever line ends it has. */
function endOfHead(bytes: Uint8Array): number | null {
  const end = Math.min(bytes.length, MAX_HEAD_BYTES);
  for (let at = 0; at < end; at++) {
    if (bytes[at] !== LINE_FEED) continue;
    const next = bytes[at + 1] === CARRIAGE_RETURN ? at + 2 : at + 1;
    if (bytes[next] === LINE_FEED) return next + 1;
  }
  return null;
}
