// How a response is read, and where it ends, must not depend on how it is cut into pieces.
import { describe, expect, test } from "bun:test";
import type { Head } from "../../../src/delivery/http/response-head.ts";
import { ResponseReader } from "../../../src/delivery/http/response-reader.ts";
import { seededRandom } from "../../wire/seeded-random.ts";
import { CHUNKED, EMPTY, head, IN_CHUNKS, OK } from "./heads.ts";

const MAX_HEAD_BYTES = 65_536;
const MAX_BODY_BYTES = 16_384;

/** Returns the state of the reader after these pieces, and after the end of the connection if `closes`. */
function play(pieces: readonly Buffer[], { closes = false } = {}, reader = new ResponseReader()) {
  reader.begin();
  for (const piece of pieces) reader.read(piece);
  if (closes) reader.close();
  const { head: found, problem, end, hasReceivedBytes, hasMore } = reader;
  return { head: found, problem, end, hasReceivedBytes, hasMore };
}

function cut(bytes: Buffer, ...at: number[]): Buffer[] {
  const places = [0, ...at, bytes.length];
  return places.slice(1).map((to, n) => bytes.subarray(places[n], to));
}

const everyByte = (bytes: Buffer) => cut(bytes, ...Array.from(bytes.keys()).slice(1));
const latin1 = (text: string) => Buffer.from(text, "latin1");
const ended = { problem: null, end: "ended", hasReceivedBytes: true, hasMore: false } as const;

const EARLY = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
const RETRY = "Retry-After: 7\r\n";
const CHUNKS = `4;a;b="c"\r\nab\r\n\r\n0A ; x=y\r\n0123456789\r\n000\r\nDigest: 1\r\nX: 2\r\n\r\n`;

const WHOLE: [claim: string, bytes: Buffer, expected: Head][] = [
  [
    "without a body",
    latin1(`HTTP/1.1 204 No\r\n${RETRY}\r\n`),
    head({ status: 204, retryAfter: "7" }),
  ],
  ["with a body of a length", latin1(`${OK}Content-Length: 4\r\n\r\n\r\n\r\n`), head({ body: 4 })],
  ["in chunks", latin1(OK + CHUNKED + `\r\n${CHUNKS}`), IN_CHUNKS],
  ["behind others of 1xx", latin1(EARLY + EARLY + OK + CHUNKED + `\r\n${CHUNKS}`), IN_CHUNKS],
  [
    "in lines that end in LF alone",
    latin1((OK + RETRY + CHUNKED + `\r\n2\r\nab\r\n0\r\nX: 1\r\n\r\n`).replaceAll("\r\n", "\n")),
    head({ retryAfter: "7", body: "chunked" }),
  ],
  [
    "with a folded line",
    latin1(`${OK}${EMPTY}Retry-After:\r\n 7\r\n\r\n`),
    head({ retryAfter: "7" }),
  ],
  [
    "that lasts until the connection ends",
    latin1(`${OK}Connection: close\r\n\r\n${OK}\r\nab`),
    head({ body: "until-close", keepsAlive: false }),
  ],
];

const lastsUntilClose = ({ body }: Head) => body === "until-close";

describe("a response", () => {
  test.each(WHOLE)(
    "the reader gives the same for a response %s in one piece, in any two pieces and byte by byte",
    (_, bytes, found) => {
      const closes = lastsUntilClose(found);
      const expected = { head: found, ...ended };
      expect(play([bytes], { closes })).toEqual(expected);
      expect(play(everyByte(bytes), { closes })).toEqual(expected);
      for (let at = 1; at < bytes.length; at++) {
        expect({ at, ...play(cut(bytes, at), { closes }) }).toEqual({ at, ...expected });
      }
    },
  );

  test.each(WHOLE)("a response %s does not end before its last byte", (_, bytes, found) => {
    for (let at = 0; at < bytes.length; at++) {
      const { problem, end, hasMore } = play(cut(bytes.subarray(0, at), at >> 1));
      expect({ at, problem, end, hasMore }).toEqual({
        at,
        problem: null,
        end: null,
        hasMore: false,
      });
    }
    if (lastsUntilClose(found)) expect(play([bytes]).end).toBeNull();
  });

  const bounded = WHOLE.filter(([, , found]) => !lastsUntilClose(found));
  test.each(bounded)("the reader tells a response %s from bytes after it", (_, bytes, found) => {
    const expected = { head: found, ...ended, hasMore: true };
    for (const more of ["\n", "H", OK]) {
      const longer = Buffer.concat([bytes, latin1(more)]);
      expect(play(everyByte(longer))).toEqual(expected);
      for (let at = 1; at < longer.length; at++) {
        expect({ at, ...play(cut(longer, at)) }).toEqual({ at, ...expected });
      }
    }
  });

  test("the reader can begin the next response wherever the one before stopped", () => {
    const reader = new ResponseReader();
    for (const [, before] of WHOLE) {
      for (let at = 0; at <= before.length; at++) {
        play(cut(before.subarray(0, at), at >> 1), {}, reader);
        const [, bytes, found] = WHOLE[at % WHOLE.length]!;
        const next = play(everyByte(bytes), { closes: lastsUntilClose(found) }, reader);
        expect(next).toEqual({
          head: found,
          ...ended,
        });
      }
    }
  });

  test("the reader can begin a response after bytes that were not a response", () => {
    const reader = new ResponseReader();
    for (const text of ["SSH-2.0-", "HTTP/1.1 x\r\n\r\n", `HTTP/1.1 200 ${"x".repeat(70_000)}`]) {
      expect(play([latin1(text)], {}, reader)).toMatchObject({ head: null, end: null });
      expect(reader.problem).not.toBeNull();
      reader.begin();
      expect(reader).toMatchObject({
        head: null,
        problem: null,
        end: null,
        hasReceivedBytes: false,
      });
      expect(play([latin1(`${OK}${EMPTY}\r\n`)], {}, reader)).toEqual({ head: head(), ...ended });
    }
  });
});

/** Returns a random valid response and the head that the reader must find. */
function anyAnswer(random: () => number): { bytes: Buffer; expected: Head } {
  const below = (most: number) => Math.floor(random() * most);
  const pick = <T>(...from: T[]): T => from[below(from.length)]!;
  const anyCase = (text: string) => text.replace(/./g, (one) => pick(one, one.toUpperCase()));
  const data = (bytes: number) =>
    Array.from({ length: bytes }, () => pick("\r", "\n", "0", "\0", "H", "ü")).join("");
  const lineEnd = pick("\r\n", "\r\n", "\n");
  const space = () => pick("", " ", "\t ");
  const field = (name: string, value: string) =>
    `${anyCase(name)}:${space()}${value}${space()}${lineEnd}`;
  const extras = () => field("x-a", "1").repeat(below(3)) + pick("", field("x-b", "a;b, c:d"));
  const shuffled = (...fields: string[]) => fields.toSorted(() => random() - 0.5).join("");

  const kind = pick("none", "length", "chunked", "chunked");
  const status = kind === "none" ? pick(204, 304) : pick(200, 302, 404, 500, 999);
  const retryAfter = pick(null, "120", "Sat, 31 Jan 2026 12:00:30 GMT");
  const closes = random() < 0.2;
  const text = data(below(200));
  const framing = {
    none: () => "",
    length: () => field("content-length", `${text.length}`),
    chunked: () => field("transfer-encoding", anyCase(pick("chunked", "gzip, chunked"))),
  }[kind]();
  const chunk = (content: string) =>
    `${pick("", "0", "000")}${anyCase(content.length.toString(16))}` +
    `${pick("", "", " ", ";a", ';a="b;c"', " ; a=b\t")}${lineEnd}${content}`;
  const chunks = () =>
    Array.from({ length: below(5) }, () => chunk(data(1 + below(300))) + lineEnd).join("") +
    (chunk("") + extras() + lineEnd);
  const body = { none: () => "", length: () => text, chunked: chunks }[kind]();
  const early = `HTTP/1.1 ${pick(100, 102, 103)} x${lineEnd}${extras()}${lineEnd}`;
  const fields = shuffled(
    framing,
    extras(),
    retryAfter === null ? "" : field("retry-after", retryAfter),
    field("connection", closes ? pick("close", "x, Close") : pick("keep-alive", "x")),
  );
  const bytes = `${early.repeat(below(3))}HTTP/1.1 ${status} x${lineEnd}${fields}${lineEnd}${body}`;
  const length = { none: 0, length: text.length, chunked: "chunked" as const }[kind];
  return {
    bytes: latin1(bytes),
    expected: { status, retryAfter, location: null, body: length, keepsAlive: !closes },
  };
}

test.each([1, 2, 3, 4])(
  "the reader reads every valid response, however it is cut (seed %i)",
  (seed) => {
    const random = seededRandom(seed);
    const cutSomewhere = (bytes: Buffer) => {
      const places = Array.from({ length: Math.floor(random() * 12) }, () => random());
      return cut(
        bytes,
        ...places.map((at) => Math.floor(at * bytes.length)).toSorted((a, b) => a - b),
      );
    };
    const reader = new ResponseReader();
    for (let n = 0; n < 250; n++) {
      const { bytes, expected } = anyAnswer(random);
      const what = { n, text: bytes.toString("latin1") };
      const found = play(cutSomewhere(bytes), {}, reader);
      expect({ ...what, ...found }).toEqual({ ...what, head: expected, ...ended });
      const longer = Buffer.concat([bytes, latin1("H")]);
      const more = play(cutSomewhere(longer), {}, reader);
      expect({ ...what, ...more }).toEqual({ ...what, head: expected, ...ended, hasMore: true });
    }
  },
);

describe("bytes that are not a response", () => {
  const strangers = ["S", "SSH-2.0-OpenSSH", "HTTQ", "http/1.1", "HTTS", " HTTP", "\r\nHTTP", "\n"];
  test.each(strangers)("the reader recognises %j as malformed before any empty line", (text) => {
    const bytes = latin1(text);
    for (const pieces of [[bytes], everyByte(bytes), [latin1(EARLY), bytes]]) {
      expect(play(pieces)).toMatchObject({ problem: "malformed-response", head: null, end: null });
    }
  });

  test("the reader waits while the bytes may still become a response", () => {
    const beginning = latin1("HTTP/1.1 200 OK\r\n");
    for (let at = 1; at <= beginning.length; at++) {
      expect(play([beginning.subarray(0, at)]).problem).toBeNull();
    }
  });
});

describe("limits", () => {
  const headOf = (bytes: number, start = OK + EMPTY) =>
    latin1(`${start}X: ${"x".repeat(bytes - start.length - 7)}\r\n\r\n`);
  const inPieces = (bytes: Buffer, of: number) =>
    cut(bytes, ...Array.from({ length: Math.ceil(bytes.length / of) - 1 }, (_, n) => (n + 1) * of));
  const pieces = [1, 1_000, 40_000, 65_535, 1_000_000];

  test.each(pieces)("refuses a head of more than 64 KiB (in pieces of %i)", (of) => {
    const longest = headOf(MAX_HEAD_BYTES);
    expect(longest).toHaveLength(MAX_HEAD_BYTES);
    expect(play(inPieces(longest, of))).toEqual({ head: head(), ...ended });
    const longer = play(inPieces(headOf(MAX_HEAD_BYTES + 1), of));
    expect(longer).toMatchObject({ problem: "head-too-large", head: null });
    const endless = play(inPieces(latin1(OK + "x".repeat(100_000)), of));
    expect(endless).toMatchObject({ problem: "head-too-large", head: null });
  });

  test.each(pieces)(
    "counts each head by itself, without the bytes after it (in pieces of %i)",
    (of) => {
      const early = headOf(40_000, "HTTP/1.1 103 Early Hints\r\n");
      const last = headOf(40_000, `${OK}Content-Length: ${MAX_BODY_BYTES}\r\n`);
      const bytes = Buffer.concat([early, early, last, Buffer.alloc(MAX_BODY_BYTES)]);
      expect(play(inPieces(bytes, of))).toEqual({ head: head({ body: MAX_BODY_BYTES }), ...ended });
    },
  );

  test("cuts off a body of more than 16 KiB, at once if its length says so", () => {
    const claim = (bytes: number) => latin1(`${OK}Content-Length: ${bytes}\r\n\r\n`);
    expect(play([claim(MAX_BODY_BYTES)]).end).toBeNull();
    expect(play([claim(MAX_BODY_BYTES + 1)]).end).toBe("too-long");
  });

  test.each([
    ["until the connection ends", latin1(`${OK}\r\n`), "x"],
    ["in one chunk", latin1(`${OK}${CHUNKED}\r\nfffffff\r\n`), "x"],
    ["in many chunks", latin1(`${OK}${CHUNKED}\r\n`), "1\r\nx\r\n"],
    ["in the size of a chunk", latin1(`${OK}${CHUNKED}\r\n0`), "0"],
    ["in an extension", latin1(`${OK}${CHUNKED}\r\n1;`), "x"],
    ["in trailers", latin1(`${OK}${CHUNKED}\r\n0\r\n`), "X: 1\r\n"],
  ])("cuts off a body that goes on without end %s", (_, start, more) => {
    const reader = new ResponseReader();
    const piece = latin1(more.repeat(100));
    let bytes = 0;
    for (reader.read(start); reader.end === null && bytes < 100_000; bytes += piece.length) {
      reader.read(piece);
    }
    expect(reader.end).toBe("too-long");
    expect(bytes).toBeGreaterThan(MAX_BODY_BYTES - start.length);
    expect(bytes).toBeLessThan(MAX_BODY_BYTES + 2 * piece.length);
  });
});

test.each([
  "ZZ",
  "",
  "-1",
  "0x1",
  "1 1",
  "123456789",
  "1,",
  "2\r\nabc",
  "1\r\n\r\n",
  "1;\rx",
  "2\r\nabZ",
])("the chunk %j is broken, so the response stays unfinished", (text) => {
  const bytes = latin1(`${OK}${CHUNKED}\r\n${text}\r\n0\r\n\r\n`);
  for (const pieces of [[bytes], everyByte(bytes)]) {
    expect(play(pieces)).toMatchObject({ problem: null, head: IN_CHUNKS, end: "unfinished" });
  }
});

describe("the end of the connection", () => {
  const rows: [claim: string, text: string, end: ResponseReader["end"]][] = [
    ["before a response does not end one", "", null],
    ["within a head does not end a response", OK, null],
    ["after a 1xx does not end a response", EARLY, null],
    ["after another protocol does not end a response", "SSH-2.0-OpenSSH", null],
    [
      "within a body with a length leaves it unfinished",
      `${OK}Content-Length: 4\r\n\r\nabc`,
      "unfinished",
    ],
    [
      "before a body with a length leaves it unfinished",
      `${OK}Content-Length: 4\r\n\r\n`,
      "unfinished",
    ],
    ["within chunks leaves them unfinished", `${OK}${CHUNKED}\r\n1\r\na\r\n0\r\n`, "unfinished"],
    ["ends a body without length and chunks", `${OK}\r\nabc`, "ended"],
    ["ends an empty body without length and chunks", `${OK}\r\n`, "ended"],
    ["changes nothing after a complete response", `${OK}Content-Length: 4\r\n\r\nabcd`, "ended"],
    [
      "changes nothing after a response that was too long",
      `${OK}Content-Length: 99999\r\n\r\n`,
      "too-long",
    ],
    ["changes nothing after a broken response", `${OK}${CHUNKED}\r\nZZ\r\n`, "unfinished"],
  ];
  test.each(rows)("the end of the connection %s", (_, text, end) => {
    for (const pieces of [text === "" ? [] : [latin1(text)], everyByte(latin1(text))]) {
      expect(play(pieces, { closes: true }).end).toBe(end);
    }
  });
});
