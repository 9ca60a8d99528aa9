import { describe, expect, test } from "bun:test";
import { headEnd } from "../../../src/delivery/http/head-reader.ts";
import {
  readHead,
  type Head,
  type ResponseProblem,
} from "../../../src/delivery/http/response-head.ts";
import { CHUNKED, EMPTY, head, IN_CHUNKS, OK } from "./heads.ts";

const CLOSES = head({ keepsAlive: false });
const LAST_CHUNKS = { ...IN_CHUNKS, keepsAlive: false };

type HeadRow = [claim: string, text: string, expected: Head | ResponseProblem];

describe("whether the connection lives on:", () => {
  const OLD = `HTTP/1.0 200 OK\r\n${EMPTY}`;
  const NEW = OK + EMPTY;
  const rows: HeadRow[] = [
    ["with HTTP/1.1 it does", NEW, head()],
    ["with HTTP/1.0 it does not", OLD, CLOSES],
    ["HTTP/1.0 may say keep-alive", `${OLD}Connection: keep-alive\r\n`, head()],
    ["HTTP/1.0 may say it in a list", `${OLD}Connection: x , Keep-Alive\r\n`, head()],
    ["HTTP/1.1 may say close", `${NEW}Connection: close\r\n`, CLOSES],
    ["in any case", `${NEW}cOnNeCtIoN:CLOSE\r\n`, CLOSES],
    ["close counts in a list", `${NEW}Connection: upgrade,close ,x\r\n`, CLOSES],
    ["close counts beside keep-alive", `${NEW}Connection: close, keep-alive\r\n`, CLOSES],
    ["close counts behind keep-alive", `${NEW}Connection: keep-alive, close\r\n`, CLOSES],
    ["close counts in a second line", `${NEW}Connection: x\r\nConnection: close\r\n`, CLOSES],
    ["other options say nothing of it", `${NEW}Connection: closed, foreclose\r\n`, head()],
    ["nor do they with HTTP/1.0", `${OLD}Connection: keep-alives\r\n`, CLOSES],
    ["chunks beside a length are not trusted", `${NEW}${CHUNKED}`, LAST_CHUNKS],
    ["nor in the other order", OK + CHUNKED + EMPTY, LAST_CHUNKS],
    [
      "nor are chunks from HTTP/1.0",
      `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${CHUNKED}`,
      LAST_CHUNKS,
    ],
  ];
  test.each(rows)("%s", (_, text, expected) => {
    expect(readHead(`${text}\r\n`)).toEqual(expected);
  });

  test("close counts before a keep-alive in another line", () => {
    const text = `${NEW}Connection: close\r\nConnection: keep-alive\r\n\r\n`;
    expect(readHead(text)).toEqual(CLOSES);
  });

  test("not where the body lasts until it ends", () => {
    expect(readHead(`${OK}\r\n`)).toEqual(head({ body: "until-close", keepsAlive: false }));
  });

  // RFC 9112 §6.3 knows no body there, so what the receiver sends all the same is in the way.
  test("not where a body is announced that cannot be", () => {
    const text = "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n";
    expect(readHead(text)).toMatchObject({ body: 0, keepsAlive: false });
  });
});

describe("the body:", () => {
  /** Whatever the body is, the connection carries no other answer. */
  const last = (body: Head["body"]) => head({ body, keepsAlive: false });
  const untilClose = last("until-close");
  const lengths = (...values: string[]) =>
    OK + values.map((value) => `Content-Length: ${value}\r\n`).join("");
  const coded = (...values: string[]) =>
    OK + values.map((value) => `Transfer-Encoding: ${value}\r\n`).join("");
  const rows: HeadRow[] = [
    ["has a length", lengths("5"), head({ body: 5 })],
    ["may have zeros before its length", lengths("005"), head({ body: 5 })],
    ["of its length twice is the last", lengths("5", "5"), last(5)],
    ["of its length in a list is the last", lengths("5, 5 ,5"), last(5)],
    ["of two lengths is the last", lengths("5", "6"), last(5)],
    ["of two lengths in a list lasts until the end", lengths("5, 6"), untilClose],
    ["of none and of one length is the last", lengths("0", "6"), last(0)],
    ["of one length and of none is the last", lengths("6", "0"), last(6)],
    ["has no empty length", lengths(""), untilClose],
    ["has no empty length in a list", lengths("5,"), untilClose],
    ["has no length of several words", lengths("5 5"), untilClose],
    ["has no length with a sign", lengths("+5"), untilClose],
    ["has no length below 0", lengths("-5"), untilClose],
    ["has no length in other numerals", lengths("0x5"), untilClose],
    ["has no broken length", lengths("5.0"), untilClose],
    ["has no length past what is exact", lengths("9".repeat(16)), untilClose],
    ["comes in chunks", coded("chunked"), IN_CHUNKS],
    ["comes in chunks in any case", coded("\tCHUNKED "), IN_CHUNKS],
    ["comes in chunks whatever is in them", coded("gzip, chunked"), IN_CHUNKS],
    ["comes in chunks of several lines", coded("gzip", "chunked"), IN_CHUNKS],
    ["with chunks on the inside lasts until the end", coded("chunked, gzip"), untilClose],
    ["with chunks on the inside in lines does, too", coded("chunked", "gzip"), untilClose],
    ["packed in a way nobody knows lasts until the end", coded("smoke"), untilClose],
    ["packed in a longer word lasts until the end", coded("xchunked"), untilClose],
    ["packed in nothing lasts until the end", coded(""), untilClose],
    ["packed beside a length is the last", `${coded("identity")}${EMPTY}`, last(0)],
    [
      "in chunks beside a bad length is the last",
      `${coded("chunked")}Content-Length: x\r\n`,
      last("chunked"),
    ],
    ["is none with 204", "HTTP/1.1 204 No Content\r\n", head({ status: 204 })],
    ["is none with 304", `HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n`, head({ status: 304 })],
    ["is none with 205", `HTTP/1.1 205 Reset Content\r\n${EMPTY}`, head({ status: 205 })],
    ["is none with 1xx", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n", head({ status: 103 })],
  ];
  test.each(rows)("%s", (_, text, expected) => {
    expect(readHead(`${text}\r\n`)).toEqual(expected);
  });

  test("lasts until the connection ends where nothing says how long it is", () => {
    expect(readHead(`${OK}\r\n`)).toMatchObject({ status: 200, body: "until-close" });
  });

  // RFC 9112 §6.3: only 1xx, 204 and 304 have none; the chunk that says so would be the next answer.
  test("of 205 is framed as any other", () => {
    const text = `HTTP/1.1 205 Reset Content\r\n${CHUNKED}\r\n`;
    expect(readHead(text)).toEqual({ ...IN_CHUNKS, status: 205 });
  });
});

describe("a head", () => {
  const malformed = "malformed-response";
  const line = (text: string) => `${OK}${EMPTY}${text}\r\n`;
  const status = (text: string) => `${text}\r\n${EMPTY}`;
  const rows: HeadRow[] = [
    ["may have no reason", status("HTTP/1.1 200"), head()],
    ["may have an empty reason", status("HTTP/1.1 200 "), head()],
    ["may have any reason", status("HTTP/1.1 500 200 ü: \t"), head({ status: 500 })],
    ["may be of a later HTTP/1", status("HTTP/1.9 200 OK"), head()],
    ["may have the status 100", "HTTP/1.1 100 Continue\r\n", head({ status: 100 })],
    ["may have the status 599", status("HTTP/1.1 599 Last"), head({ status: 599 })],
    ["may have the status 999", status("HTTP/1.1 999 No"), head({ status: 999 })],
    ["has no status of 99", status("HTTP/1.1 99 Low"), malformed],
    ["has no status of 099", status("HTTP/1.1 099 Low"), "status-99"],
    ["has no status of 000", status("HTTP/1.1 000 Zero"), "status-0"],
    ["tells where a redirect leads", line("Location: /a"), head({ location: "/a" })],
    ["tells it once", line("Location: /a\r\nLocation: /b"), head({ location: "/a" })],
    ["has no status of 1000", status("HTTP/1.1 1000 High"), malformed],
    ["has a number as status", status("HTTP/1.1 2x0 OK"), malformed],
    ["has a status", status("HTTP/1.1"), malformed],
    ["is in upper case", status("http/1.1 200 OK"), malformed],
    ["begins with HTTP", status(" HTTP/1.1 200 OK"), malformed],
    ["begins at once", `\r\n${status("HTTP/1.1 200 OK")}`, malformed],
    ["switches no protocols", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n", "unrequested-upgrade"],
    ["tells when to come again", line("Retry-After: 120"), head({ retryAfter: "120" })],
    ["tells it in any case", line("rETRY-aFTER:\t 120 \t"), head({ retryAfter: "120" })],
    ["tells it once", line("Retry-After: 1\r\nRetry-After: 2"), head({ retryAfter: "1" })],
    ["tells it in words", line("Retry-After: a, b  c"), head({ retryAfter: "a, b  c" })],
    ["tells it in Latin-1", line("Retry-After: \xa0ü"), head({ retryAfter: "\xa0ü" })],
    ["may tell nothing", line("Retry-After:"), head({ retryAfter: "" })],
    ["may tell white space", line("Retry-After: \t "), head({ retryAfter: "" })],
    [
      "may have folded lines",
      line("Retry-After: a\r\n \t b\r\n\tc"),
      head({ retryAfter: "a b c" }),
    ],
    ["may have a folded empty line", line("Retry-After: 7\r\n "), head({ retryAfter: "7" })],
    ["hides no header in a fold", line("X-A: a\r\n Retry-After: 7"), head()],
    ["hides no length in a fold", `${OK}X-A: a\r\n Content-Length: 9\r\n${EMPTY}`, head()],
    ["may have a colon in a value", line("Retry-After: a: b"), head({ retryAfter: "a: b" })],
    ["may have other names", line("Xretry-After: 1\r\nRetry-Afterx: 2"), head()],
    ["may have names of any token", line("!#$%&'*+-.^_`|~09azAZ: 1"), head()],
    ["has a colon in every line", line("nonsense"), malformed],
    ["has no NUL in a value", line("X-A: a\0b"), malformed],
    ["has no NUL in a name", line("X\0A: b"), malformed],
  ];
  test.each(rows)("%s", (_, text, expected) => {
    expect(readHead(`${text}\r\n`)).toEqual(expected);
  });

  const readable = rows.filter(([, , expected]) => typeof expected !== "string");
  test.each(readable)("that %s may do so in lines that end in LF alone", (_, text, expected) => {
    expect(readHead(`${text}\r\n`.replaceAll("\r\n", "\n"))).toEqual(expected);
    expect(readHead(`${text}\n`)).toEqual(expected);
  });

  // What curl or Node accepts: the answer counts, but where it ends may be seen otherwise by others.
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
  test.each(doubtful)("with %s is read, and is the last on its connection", (_, text, expected) => {
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
  // Not by the clock: with a search that goes back and back again, it does not come to an end at all.
  test.each(costly)("of much white space %s is read in one go", (_, text, expected) => {
    expect(readHead(`${text}\r\n`)).toEqual(expected);
  });
});

test.each([
  ["\r\n\r\n", 4],
  ["\n\n", 2],
  ["\n\r\n", 3],
  ["\r\n\n", 3],
  ["\r\n\r", -1],
  ["\r\n", -1],
  ["\n", -1],
  ["\r\r", -1],
  ["\n\r\r\n", -1],
  ["\r\n a\r\n\r\n", 8],
  ["", -1],
])("the empty line of %j ends at %i", (text, end) => {
  // What stands behind, of an answer before, is not looked at.
  const bytes = Buffer.from(`\n\n${text}\n\n\n`);
  const found = headEnd(bytes, 2, 2 + text.length);
  expect(found).toBe(end === -1 ? -1 : 2 + end);
});

test("what was read last is not taken for what is like it", () => {
  const of = (status: number) => `HTTP/1.1 ${status} OK\r\n${EMPTY}\r\n`;
  const statuses = [200, 500, 200, 200, 503];
  expect(statuses.map((status) => readHead(of(status)))).toEqual(
    statuses.map((status) => head({ status })),
  );
});
