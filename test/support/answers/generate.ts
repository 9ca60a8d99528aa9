// Answers as servers write them, and the same with one to three faults that servers, proxies and hand-made
// scripts are known for. The same seed gives the same answers.
import recorded from "../../vectors/recorded-answers.json" with { type: "json" };
import { seededRandom } from "../../wire/seeded-random.ts";

export interface GeneratedAnswer {
  /** Which answer it was, and what was done to it. */
  from: string;
  bytes: Buffer;
}

/** In parts, for faults to be put into; every line has its line end. */
interface Parts {
  before: string;
  statusLine: string;
  fields: string[];
  /** The empty line. */
  end: string;
  body: string;
}

interface Dice {
  below: (limit: number) => number;
  pick: <T>(from: readonly T[]) => T;
}

type Fault = (parts: Parts, dice: Dice) => void;

/** `count` answers: first the recorded ones as they are, then mutations of them. */
export function generateAnswers(count: number, seed: number): GeneratedAnswer[] {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const dice: Dice = { below, pick: (from) => from[below(from.length)] as never };
  const names = Object.keys(FAULTS);
  return Array.from({ length: count }, (_, at) => {
    const isMutated = at >= recorded.length;
    const { server, answer } = isMutated ? dice.pick(recorded) : recorded[at]!;
    if (!isMutated) return { from: server, bytes: Buffer.from(answer, "latin1") };
    const parts = takeApart(answer);
    // A mutation of a 4xx shows little: what matters is what happens to a success.
    if (dice.below(3) > 0) parts.statusLine = `HTTP/1.1 ${dice.pick(SUCCESSES)}\r\n`;
    const faults = Array.from({ length: 1 + dice.below(3) }, () => dice.pick(names));
    for (const name of faults) FAULTS[name]!(parts, dice);
    const text = parts.before + parts.statusLine + parts.fields.join("") + parts.end + parts.body;
    return { from: `${server}: ${faults.join(", ")}`, bytes: Buffer.from(text, "latin1") };
  });
}

const SUCCESSES = ["200 OK", "201 Created", "202 Accepted", "204 No Content", "200"];

function takeApart(answer: string): Parts {
  const headEnd = answer.indexOf("\r\n\r\n") + 2;
  const [statusLine = "", ...fields] = answer.slice(0, headEnd).match(/[^\n]*\n/g) ?? [];
  return { before: "", statusLine, fields, end: "\r\n", body: answer.slice(headEnd + 2) };
}

/** Puts it among the fields, at any place. */
function insert(parts: Parts, { below }: Dice, line: string): void {
  parts.fields.splice(below(parts.fields.length + 1), 0, line);
}

/** Changes one of the fields. */
function change(parts: Parts, { below }: Dice, how: (line: string) => string): void {
  if (parts.fields.length === 0) return;
  const at = below(parts.fields.length);
  parts.fields[at] = how(parts.fields[at] ?? "");
}

/** In place of what frames the body now. */
function frame(parts: Parts, dice: Dice, lines: readonly string[], body?: string): void {
  parts.fields = parts.fields.filter((line) => !/^(content-length|transfer-encoding)/i.test(line));
  for (const line of lines) insert(parts, dice, line);
  parts.body = body ?? parts.body;
}

const inserting =
  (...lines: string[]): Fault =>
  (parts, dice) =>
    insert(parts, dice, dice.pick(lines));

const CHUNKS = "3\r\nabc\r\n0\r\n\r\n";

const FAULTS: Readonly<Record<string, Fault>> = {
  "blank before a colon": (parts, dice) =>
    change(parts, dice, (line) => line.replace(":", dice.pick([" :", "  :", "\t:"]))),
  "blank in a name": inserting("X Powered By: x\r\n", "Content Type: text/plain\r\n", "a b: c\r\n"),
  "blank before a framing colon": (parts, dice) =>
    frame(parts, dice, [dice.pick(["Content-Length : 2\r\n", "Content-Length\t: 2\r\n"])], "ok"),
  "blank before the chunked colon": (parts, dice) =>
    frame(parts, dice, ["Transfer-Encoding : chunked\r\n"], CHUNKS),
  "odd name": inserting(
    "Ü: 1\r\n",
    "X(a): 1\r\n",
    "X@y: 1\r\n",
    "X/y: 1\r\n",
    "{x}: 1\r\n",
    '"x": 1\r\n',
    "X,Y: 1\r\n",
    "x[]: 1\r\n",
    "X;y: 1\r\n",
  ),
  "empty name": inserting(": 1\r\n", " : 1\r\n"),
  "no colon": inserting("nonsense\r\n", "HTTP/1.1 200 OK\r\n", "two words\r\n"),
  "empty value": inserting("X-Empty:\r\n", "X-Empty: \r\n", "Content-Type:\r\n"),
  "odd value": inserting(
    "X-A: \u00fc\u00ff\r\n",
    "X-A: a\u0001b\r\n",
    "X-A: a\u007fb\r\n",
    "X-A: a\u0000b\r\n",
    "X-A: a\rb\r\n",
    "X-A: a\u000bb\r\n",
    "X-A:\ta\t\r\n",
  ),
  "folded line": inserting("X-A: a\r\n b\r\n", "X-A:\r\n\tb\r\n", "X-A: a\r\n \r\n"),
  "blank first line": (parts, { pick }) => {
    parts.fields.unshift(pick([" X-A: b\r\n", "\tX-A: b\r\n"]));
  },
  "line ends in LF": (parts, dice) => change(parts, dice, (line) => line.replace("\r\n", "\n")),
  "all lines end in LF": (parts) => {
    parts.statusLine = parts.statusLine.replace("\r\n", "\n");
    parts.fields = parts.fields.map((line) => line.replaceAll("\r\n", "\n"));
    parts.end = "\n";
  },
  "status line ends in LF": (parts) => {
    parts.statusLine = parts.statusLine.replace("\r\n", "\n");
  },
  "line ends in CR CR LF": (parts, dice) =>
    change(parts, dice, (line) => line.replace("\r\n", "\r\r\n")),
  "line ends in CR": (parts, dice) => change(parts, dice, (line) => line.replace("\r\n", "\r")),
  "head ends in LF": (parts) => {
    parts.end = "\n";
  },
  "no empty line": (parts) => {
    parts.end = "";
  },
  "empty lines before": (parts, { pick }) => {
    parts.before = pick(["\r\n", "\n", "\r\n\r\n", " ", "\r"]) + parts.before;
  },
  "odd version": (parts, { pick }) => {
    const version = pick([
      "HTTP/1.0",
      "HTTP/1.2",
      "HTTP/1.9",
      "HTTP/2",
      "HTTP/2.0",
      "HTTP/3",
      "HTTP/0.9",
      "HTTP/1",
      "HTTP/1.10",
      "HTTP/01.1",
      "http/1.1",
      "Http/1.1",
      "ICY",
      "HTTPS/1.1",
      "HTTP 1.1",
      "HTTP/1.1:",
    ]);
    parts.statusLine = parts.statusLine.replace(/^\S+/, version);
  },
  "odd status": (parts, { pick }) => {
    const status = pick(["20", "2000", "0200", "+200", "2x0", "200.", "200,", "200:", "", "999"]);
    parts.statusLine = parts.statusLine.replace(/(?<= )\d{3}/, status);
  },
  "odd blanks in the status line": (parts, { pick }) => {
    const blank = pick(["  ", "\t", " \t", "   ", ""]);
    parts.statusLine = parts.statusLine.replace(" ", blank);
  },
  "odd reason": (parts, { pick }) => {
    const reason = pick([
      "",
      " ",
      "  ",
      " \u00fc",
      " O\rK",
      " \t",
      "\tOK",
      "OK",
      " a\u0000b",
      "-OK",
    ]);
    parts.statusLine = parts.statusLine.replace(/(?<= \d{3}).*(?=\r?\n)/, reason);
  },
  "equal lengths": (parts, dice) =>
    frame(parts, dice, ["Content-Length: 2\r\n", "content-length: 2\r\n"], "ok"),
  "equal lengths in a list": (parts, dice) =>
    frame(parts, dice, ["Content-Length: 2, 2\r\n"], "ok"),
  "unequal lengths": (parts, dice) =>
    frame(parts, dice, ["Content-Length: 2\r\n", "Content-Length: 3\r\n"], "oky"),
  "odd length": (parts, dice) => {
    const length = dice.pick([
      "+2",
      "-2",
      "0x2",
      "2.0",
      "",
      "2 2",
      "2;",
      "abc",
      "002",
      "2,",
      "1e1",
    ]);
    frame(parts, dice, [`Content-Length: ${length}\r\n`], "ok");
  },
  "huge length": (parts, dice) => {
    const digits = dice.pick(["4294967298", "99999999999999999", "18446744073709551616"]);
    frame(parts, dice, [`Content-Length: ${digits}\r\n`]);
  },
  "length too long": (parts, dice) => frame(parts, dice, ["Content-Length: 9\r\n"], "ok"),
  "length too short": (parts, dice) => frame(parts, dice, ["Content-Length: 1\r\n"], "ok"),
  "no length": (parts, dice) =>
    frame(parts, dice, [], dice.pick(["", "ok", "HTTP/1.1 500 x\r\n\r\n"])),
  "length and chunks": (parts, dice) =>
    frame(parts, dice, ["Content-Length: 2\r\n", "Transfer-Encoding: chunked\r\n"], CHUNKS),
  "odd length and chunks": (parts, dice) =>
    frame(parts, dice, ["Content-Length: x\r\n", "Transfer-Encoding: chunked\r\n"], CHUNKS),
  "odd coding": (parts, dice) => {
    const coding = dice.pick([
      "gzip",
      "identity",
      "identity, chunked",
      "chunked, identity",
      "chunked, gzip",
      "gzip, chunked",
      "xchunked",
      "chunkedx",
      "chunked, chunked",
      "chunked,",
      ",chunked",
      "Chunked",
      "chunked;q=1",
      '"chunked"',
      "",
      "smoke",
    ]);
    frame(parts, dice, [`Transfer-Encoding: ${coding}\r\n`], dice.pick([CHUNKS, "ok"]));
  },
  "two codings": (parts, dice) => {
    const second = dice.pick(["chunked", "gzip", "identity"]);
    const lines = ["Transfer-Encoding: chunked\r\n", `Transfer-Encoding: ${second}\r\n`];
    frame(parts, dice, lines, CHUNKS);
  },
  "odd chunks": (parts, dice) => {
    const chunks = dice.pick([
      "3;a=b\r\nabc\r\n0\r\n\r\n",
      "03 \r\nabc\r\n0\r\n\r\n",
      "3\nabc\n0\n\n",
      "3\r\nabc0\r\n\r\n",
      "ZZ\r\nabc\r\n0\r\n\r\n",
      "-1\r\n\r\n",
      "3\r\nabc\r\n",
      "3\r\nabc\r\n0\r\n",
      "0\r\nDigest : 1\r\n\r\n",
      "0\r\nnonsense\r\n\r\n",
      "FFFFFFFFFFFFFFFF\r\nabc\r\n",
      "\r\n3\r\nabc\r\n0\r\n\r\n",
      "",
    ]);
    frame(parts, dice, ["Transfer-Encoding: chunked\r\n"], chunks);
  },
  "odd connection": inserting(
    "Connection: close\r\n",
    "Connection: keep-alive, close\r\n",
    "Connection: upgrade\r\nUpgrade: h2c\r\n",
    "Connection :close\r\n",
    "Proxy-Connection: close\r\n",
    "Keep-Alive: timeout=0\r\n",
  ),
  "1xx before": (parts, { pick }) => {
    parts.before += pick([
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
      "HTTP/1.1 102 Processing\r\n\r\n".repeat(3),
      "HTTP/1.1 100\r\n\r\n",
      "HTTP/1.0 100 Continue\r\n\r\n",
      "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 100 Continue\r\nX-A : b\r\n\r\n",
      "HTTP/1.1 199 x\r\n\r\n",
      "HTTP/1.1 100 Continue\n\n",
    ]);
  },
  "switching protocols": (parts) => {
    parts.before += "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
  },
  "body that must not be": (parts, dice) => {
    parts.statusLine = dice.pick(["HTTP/1.1 204 No Content\r\n", "HTTP/1.1 205 Reset\r\n"]);
    frame(parts, dice, ["Content-Length: 2\r\n"], "ok");
  },
  "second answer behind": (parts) => {
    parts.body += "HTTP/1.1 500 Second\r\nContent-Length: 0\r\n\r\n";
  },
  "field twice": (parts, dice) => change(parts, dice, (line) => line + line),
  "field missing": (parts, dice) => change(parts, dice, () => ""),
  "long field": inserting(`X-Long: ${"x".repeat(9_000)}\r\n`),
  "many fields": (parts, dice) => insert(parts, dice, "X-A: b\r\n".repeat(300)),
  "byte changed": (parts, dice) => {
    const odd = ["\0", " ", "\t", "\r", "\n", ":", "\u00ff", "a", "0", "\u007f", ";", ","];
    change(parts, dice, (line) => {
      const at = dice.below(line.length);
      return line.slice(0, at) + dice.pick(odd) + line.slice(at + 1);
    });
  },
  "byte missing": (parts, dice) =>
    change(parts, dice, (line) => {
      const at = dice.below(line.length);
      return line.slice(0, at) + line.slice(at + 1);
    }),
  "cut off": (parts, { below }) => {
    const at = below(parts.body.length + 1);
    parts.body = parts.body.slice(0, at);
  },
  "cut off in the head": (parts, { below }) => {
    parts.fields = parts.fields.slice(0, below(parts.fields.length + 1));
    parts.end = "";
    parts.body = "";
  },
};
