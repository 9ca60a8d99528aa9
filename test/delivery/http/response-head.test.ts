import { describe, expect, test } from "bun:test";
import {
  readHead,
  type Head,
  type ResponseProblem,
} from "../../../src/delivery/http/response-head.ts";
import { CHUNKED, EMPTY, head, IN_CHUNKS, OK } from "./heads.ts";

const CLOSES = head({ keepsAlive: false });
const LAST_CHUNKS = { ...IN_CHUNKS, keepsAlive: false };

type HeadRow = [claim: string, text: string, expected: Head | ResponseProblem];

describe("keepsAlive", () => {
  const OLD = `HTTP/1.0 200 OK\r\n${EMPTY}`;
  const NEW = OK + EMPTY;
  const rows: HeadRow[] = [
    ["HTTP/1.1 keeps the connection alive", NEW, head()],
    ["HTTP/1.0 does not keep the connection alive", OLD, CLOSES],
    ["HTTP/1.0 with keep-alive keeps it alive", `${OLD}Connection: keep-alive\r\n`, head()],
    [
      "HTTP/1.0 with keep-alive in a list keeps it alive",
      `${OLD}Connection: x , Keep-Alive\r\n`,
      head(),
    ],
    ["HTTP/1.1 with close ends it", `${NEW}Connection: close\r\n`, CLOSES],
    ["close is read in any case", `${NEW}cOnNeCtIoN:CLOSE\r\n`, CLOSES],
    ["close in a list ends the connection", `${NEW}Connection: upgrade,close ,x\r\n`, CLOSES],
    [
      "close before keep-alive ends the connection",
      `${NEW}Connection: close, keep-alive\r\n`,
      CLOSES,
    ],
    [
      "close after keep-alive ends the connection",
      `${NEW}Connection: keep-alive, close\r\n`,
      CLOSES,
    ],
    [
      "close in a second line ends the connection",
      `${NEW}Connection: x\r\nConnection: close\r\n`,
      CLOSES,
    ],
    [
      "other options change nothing with HTTP/1.1",
      `${NEW}Connection: closed, foreclose\r\n`,
      head(),
    ],
    ["other options change nothing with HTTP/1.0", `${OLD}Connection: keep-alives\r\n`, CLOSES],
    ["chunks after a length end the connection", `${NEW}${CHUNKED}`, LAST_CHUNKS],
    ["a length after chunks ends the connection", OK + CHUNKED + EMPTY, LAST_CHUNKS],
    [
      "chunks from HTTP/1.0 end the connection",
      `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${CHUNKED}`,
      LAST_CHUNKS,
    ],
  ];
  test.each(rows)("%s", (_, text, expected) => {
    expect(readHead(`${text}\r\n`)).toEqual(expected);
  });

  test("close ends the connection despite keep-alive in another line", () => {
    const text = `${NEW}Connection: close\r\nConnection: keep-alive\r\n\r\n`;
    expect(readHead(text)).toEqual(CLOSES);
  });

  test("a body until the end of the connection ends it", () => {
    expect(readHead(`${OK}\r\n`)).toEqual(head({ body: "until-close", keepsAlive: false }));
  });

  // RFC 9112 §6.3: it has no body, so bytes that follow all the same would become the next response.
  test("a 204 that announces a body ends the connection", () => {
    const text = "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n";
    expect(readHead(text)).toMatchObject({ body: 0, keepsAlive: false });
  });
});

describe("body", () => {
  /** The connection carries no further response. */
  const last = (body: Head["body"]) => head({ body, keepsAlive: false });
  const untilClose = last("until-close");
  const lengths = (...values: string[]) =>
    OK + values.map((value) => `Content-Length: ${value}\r\n`).join("");
  const coded = (...values: string[]) =>
    OK + values.map((value) => `Transfer-Encoding: ${value}\r\n`).join("");
  const rows: HeadRow[] = [
    ["Content-Length gives the length", lengths("5"), head({ body: 5 })],
    ["a length may have leading zeros", lengths("005"), head({ body: 5 })],
    ["the same length twice is that length, and ends the connection", lengths("5", "5"), last(5)],
    [
      "the same length in a list is that length, and ends the connection",
      lengths("5, 5 ,5"),
      last(5),
    ],
    ["of two lengths the first counts, and the connection ends", lengths("5", "6"), last(5)],
    ["two lengths in a list are no length", lengths("5, 6"), untilClose],
    [
      "of the lengths 0 and 6 the first counts, and the connection ends",
      lengths("0", "6"),
      last(0),
    ],
    [
      "of the lengths 6 and 0 the first counts, and the connection ends",
      lengths("6", "0"),
      last(6),
    ],
    ["an empty length is no length", lengths(""), untilClose],
    ["an empty length in a list is no length", lengths("5,"), untilClose],
    ["several words are no length", lengths("5 5"), untilClose],
    ["a number with a sign is no length", lengths("+5"), untilClose],
    ["a negative number is no length", lengths("-5"), untilClose],
    ["a hexadecimal number is no length", lengths("0x5"), untilClose],
    ["a fraction is no length", lengths("5.0"), untilClose],
    ["a number past the exact integers is no length", lengths("9".repeat(16)), untilClose],
    ["Transfer-Encoding: chunked means chunks", coded("chunked"), IN_CHUNKS],
    ["chunked is read in any case", coded("\tCHUNKED "), IN_CHUNKS],
    ["chunked after another coding means chunks", coded("gzip, chunked"), IN_CHUNKS],
    ["chunked in a second line means chunks", coded("gzip", "chunked"), IN_CHUNKS],
    [
      "chunked before another coding means until the end of the connection",
      coded("chunked, gzip"),
      untilClose,
    ],
    [
      "chunked in a line before another coding means until the end",
      coded("chunked", "gzip"),
      untilClose,
    ],
    ["an unknown coding means until the end of the connection", coded("smoke"), untilClose],
    ["a coding that ends in chunked is unknown", coded("xchunked"), untilClose],
    ["an empty coding is unknown", coded(""), untilClose],
    [
      "an unknown coding beside a length has that length, and ends the connection",
      `${coded("identity")}${EMPTY}`,
      last(0),
    ],
    [
      "chunks beside an invalid length end the connection",
      `${coded("chunked")}Content-Length: x\r\n`,
      last("chunked"),
    ],
    ["a 204 has no body", "HTTP/1.1 204 No Content\r\n", head({ status: 204 })],
    ["a 304 has no body", `HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n`, head({ status: 304 })],
    [
      "a 205 of length 0 has no body",
      `HTTP/1.1 205 Reset Content\r\n${EMPTY}`,
      head({ status: 205 }),
    ],
    ["a 1xx has no body", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n", head({ status: 103 })],
  ];
  test.each(rows)("%s", (_, text, expected) => {
    expect(readHead(`${text}\r\n`)).toEqual(expected);
  });

  test("a body without length and chunks lasts until the connection ends", () => {
    expect(readHead(`${OK}\r\n`)).toMatchObject({ status: 200, body: "until-close" });
  });

  // RFC 9112 §6.3: only 1xx, 204 and 304 have no body; the last chunk would become the next response.
  test("a 205 is framed like other statuses", () => {
    const text = `HTTP/1.1 205 Reset Content\r\n${CHUNKED}\r\n`;
    expect(readHead(text)).toEqual({ ...IN_CHUNKS, status: 205 });
  });
});

describe("readHead", () => {
  const malformed = "malformed-response";
  const line = (text: string) => `${OK}${EMPTY}${text}\r\n`;
  const status = (text: string) => `${text}\r\n${EMPTY}`;
  const rows: HeadRow[] = [
    ["accepts a status line without a reason", status("HTTP/1.1 200"), head()],
    ["accepts an empty reason", status("HTTP/1.1 200 "), head()],
    ["accepts any reason", status("HTTP/1.1 500 200 ü: \t"), head({ status: 500 })],
    ["accepts HTTP/1.9", status("HTTP/1.9 200 OK"), head()],
    ["accepts the status 100", "HTTP/1.1 100 Continue\r\n", head({ status: 100 })],
    ["accepts the status 599", status("HTTP/1.1 599 Last"), head({ status: 599 })],
    ["accepts the status 999", status("HTTP/1.1 999 No"), head({ status: 999 })],
    ["refuses the status 99", status("HTTP/1.1 99 Low"), malformed],
    ["refuses the status 099", status("HTTP/1.1 099 Low"), "status-99"],
    ["refuses the status 000", status("HTTP/1.1 000 Zero"), "status-0"],
    ["returns Location", line("Location: /a"), head({ location: "/a" })],
    ["returns the first Location", line("Location: /a\r\nLocation: /b"), head({ location: "/a" })],
    ["refuses the status 1000", status("HTTP/1.1 1000 High"), malformed],
    ["refuses a status that is not a number", status("HTTP/1.1 2x0 OK"), malformed],
    ["refuses a status line without a status", status("HTTP/1.1"), malformed],
    ["refuses http in lower case", status("http/1.1 200 OK"), malformed],
    ["refuses a space before HTTP", status(" HTTP/1.1 200 OK"), malformed],
    ["refuses an empty line before the status line", `\r\n${status("HTTP/1.1 200 OK")}`, malformed],
    ["refuses 101", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n", "unrequested-upgrade"],
    ["returns Retry-After", line("Retry-After: 120"), head({ retryAfter: "120" })],
    [
      "reads the name Retry-After in any case, without space around the value",
      line("rETRY-aFTER:\t 120 \t"),
      head({ retryAfter: "120" }),
    ],
    [
      "returns the first Retry-After",
      line("Retry-After: 1\r\nRetry-After: 2"),
      head({ retryAfter: "1" }),
    ],
    ["keeps spaces within a value", line("Retry-After: a, b  c"), head({ retryAfter: "a, b  c" })],
    [
      "reads a value as Latin-1 and keeps a no-break space",
      line("Retry-After: \xa0ü"),
      head({ retryAfter: "\xa0ü" }),
    ],
    ["returns an empty value", line("Retry-After:"), head({ retryAfter: "" })],
    ["returns a value of white space as empty", line("Retry-After: \t "), head({ retryAfter: "" })],
    ["joins folded lines", line("Retry-After: a\r\n \t b\r\n\tc"), head({ retryAfter: "a b c" })],
    ["joins a folded line that is empty", line("Retry-After: 7\r\n "), head({ retryAfter: "7" })],
    ["reads no header from a folded line", line("X-A: a\r\n Retry-After: 7"), head()],
    ["reads no length from a folded line", `${OK}X-A: a\r\n Content-Length: 9\r\n${EMPTY}`, head()],
    ["accepts a colon in a value", line("Retry-After: a: b"), head({ retryAfter: "a: b" })],
    [
      "ignores names that only contain Retry-After",
      line("Xretry-After: 1\r\nRetry-Afterx: 2"),
      head(),
    ],
    ["accepts every token character in a name", line("!#$%&'*+-.^_`|~09azAZ: 1"), head()],
    ["refuses a line without a colon", line("nonsense"), malformed],
    ["refuses NUL in a value", line("X-A: a\0b"), malformed],
    ["refuses NUL in a name", line("X\0A: b"), malformed],
  ];
  test.each(rows)("%s", (_, text, expected) => {
    expect(readHead(`${text}\r\n`)).toEqual(expected);
  });

  const readable = rows.filter(([, , expected]) => typeof expected !== "string");
  test.each(readable)("%s, in lines that end in LF alone", (_, text, expected) => {
    expect(readHead(`${text}\r\n`.replaceAll("\r\n", "\n"))).toEqual(expected);
    expect(readHead(`${text}\n`)).toEqual(expected);
  });

  // curl or Node accepts these: the status counts, but other parsers may see another end.
  const doubtful: HeadRow[] = [
    ["two spaces before the status", status("HTTP/1.1  200 OK"), CLOSES],
    ["a tab before the status", status("HTTP/1.1\t200 OK"), CLOSES],
    ["a tab behind the status", status("HTTP/1.1 200\tOK"), CLOSES],
    ["a reason without a blank", status("HTTP/1.1 200OK"), CLOSES],
    ["HTTP/2.0", status("HTTP/2.0 200 OK"), CLOSES],
    ["HTTP/2", status("HTTP/2 200 OK"), CLOSES],
    ["HTTP/1", status("HTTP/1 200 OK"), CLOSES],
    ["HTTP/1.10", status("HTTP/1.10 200 OK"), CLOSES],
    ["a bare CR in the reason", status("HTTP/1.1 200 O\rK"), CLOSES],
    ["a folded status line", `${OK} folded\r\n${EMPTY}`, CLOSES],
    ["a space in a name", line("X Powered By: x"), CLOSES],
    [
      "a space before a colon",
      line("Retry-After : 120"),
      head({ retryAfter: "120", keepsAlive: false }),
    ],
    [
      "a tab before a colon",
      `${OK}Content-Length\t: 120\r\n`,
      head({ body: 120, keepsAlive: false }),
    ],
    ["chunks with a space before the colon", `${OK}Transfer-Encoding : chunked\r\n`, LAST_CHUNKS],
    ["an empty name", line(": 120"), CLOSES],
    ["a name of other letters", line("Ü: 120"), CLOSES],
    ["a bare CR in a value", line("X-A: a\rb"), CLOSES],
    ["a bare CR before a line end", line("X-A: a\r"), CLOSES],
    ["a header behind a bare CR", line("X-A: a\rRetry-After: 7"), CLOSES],
  ];
  test.each(doubtful)("accepts %s and ends the connection", (_, text, expected) => {
    expect(readHead(`${text}\r\n`)).toEqual(expected);
  });

  const spaces = " ".repeat(60_000);
  const costly: HeadRow[] = [
    ["within a value", line(`Retry-After: a${spaces}b`), head({ retryAfter: `a${spaces}b` })],
    ["before a NUL", line(`X-A:${spaces}\0`), malformed],
    ["before a bare CR", line(`X-A:${spaces}\ra`), CLOSES],
    ["within a name", line(`X${spaces}A: a`), CLOSES],
    ["without a colon", line(`X${spaces}A`), malformed],
  ];
  // Needs no clock: with a pattern that backtracks this would never end.
  test.each(costly)("reads 60,000 spaces %s without backtracking", (_, text, expected) => {
    expect(readHead(`${text}\r\n`)).toEqual(expected);
  });
});

test("returns the cached head only for exactly the same text", () => {
  const of = (status: number) => `HTTP/1.1 ${status} OK\r\n${EMPTY}\r\n`;
  const statuses = [200, 500, 200, 200, 503];
  expect(statuses.map((status) => readHead(of(status)))).toEqual(
    statuses.map((status) => head({ status })),
  );
});
