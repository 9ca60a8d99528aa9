// Parts of responses and parsed heads, for the tests of the head parser and the reader.
import type { Head } from "../../../src/delivery/http/response-head.ts";

export const OK = "HTTP/1.1 200 OK\r\n";
export const EMPTY = "Content-Length: 0\r\n";
export const CHUNKED = "Transfer-Encoding: chunked\r\n";

/** The parsed head of a 200 of HTTP/1.1 with length 0, with changes. */
export const head = (other: Partial<Head> = {}): Head => ({
  status: 200,
  retryAfter: null,
  location: null,
  body: 0,
  keepsAlive: true,
  ...other,
});
export const IN_CHUNKS = head({ body: "chunked" });
