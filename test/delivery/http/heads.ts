// Pieces of answers, and what the reader makes of a head, for the tests of both.
import type { Head } from "../../../src/delivery/http/response-head.ts";

export const OK = "HTTP/1.1 200 OK\r\n";
export const EMPTY = "Content-Length: 0\r\n";
export const CHUNKED = "Transfer-Encoding: chunked\r\n";

/** Of an answer 200 from HTTP/1.1 with a length of 0, but for what is said. */
export const head = (other: Partial<Head> = {}): Head => ({
  status: 200,
  retryAfter: null,
  location: null,
  body: 0,
  keepsAlive: true,
  ...other,
});
export const IN_CHUNKS = head({ body: "chunked" });
