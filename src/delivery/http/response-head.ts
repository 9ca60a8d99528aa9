// Parses the head of one response as far as a delivery needs it: the status, two headers, and what frames
// the body. Accepts what curl or Node accepts (test/delivery/differential.test.ts). If the framing is in
// doubt, the status counts and the connection is not used again.

export const LF = 0x0a;
export const CR = 0x0d;

export type ResponseProblem =
  "malformed-response" | "head-too-large" | "unrequested-upgrade" | `status-${number}`;

export interface Head {
  status: number;
  retryAfter: string | null;
  /** Where a redirect points to, as the receiver wrote it. */
  location: string | null;
  /** What follows the head: this many bytes, chunks, or everything until the connection ends. */
  body: number | "chunked" | "until-close";
  /** Whether the connection can carry another request. */
  keepsAlive: boolean;
}

const STATUS_LINE = /^HTTP\/1\.(\d) (\d{3})(?: [^\r\n]*)?\r?\n/;
/** Allows unusual blanks, any version, and a CR in the reason. */
const LENIENT_STATUS_LINE = /^HTTP\/\d+(?:\.\d+)?[ \t]+(\d{3})(?!\d)[^\n\0]*\n/;
/**
 * RFC 9110 §5.1 and §5.5: a token, a colon, a value. It does not strip the white space around the value:
 * a pattern for that on both sides would backtrack, and a receiver could stop the process with it.
 */
const FIELD_LINE = /([!#$%&'*+.^_`|~\w-]+):([^\r\n\0]*)\r?\n/y;
/** Allows a blank in or after the name, other characters in it, and a CR in the value. */
const LENIENT_FIELD_LINE = /([^:\n\0]*):([^\n\0]*)\n/y;
/** RFC 9112 §5.2: a line that begins with white space continues the line before. */
const FOLDED = /\r?\n[ \t]+/g;
const DIGITS = /^\d{1,15}$/;
const ENDS_IN_CHUNKED = /(?:^|,)[ \t]*chunked$/i;

const MAX_CACHED_CHARACTERS = 1_024;
let cachedText = "";
let cachedHead: Readonly<Head> | ResponseProblem = "malformed-response";

/**
 * Parses `text`, which ends with the empty line. Caches one head: a receiver repeats it until the second
 * in its Date changes, and a cached one costs a seventh (measured: commit 5f1bdc9).
 */
export function readHead(text: string): Readonly<Head> | ResponseProblem {
  if (text === cachedText) return cachedHead;
  const head = parseHead(text);
  if (text.length <= MAX_CACHED_CHARACTERS) {
    cachedText = text;
    cachedHead = head;
  }
  return head;
}

function parseHead(text: string): Head | ResponseProblem {
  const statusLine = readStatusLine(text);
  if (typeof statusLine === "string") return statusLine;
  const fields = readFields(text);
  if (fields === null) return "malformed-response";
  const { status } = statusLine;
  if (status === 101) return "unrequested-upgrade";
  return {
    status,
    retryAfter: fields.retryAfter,
    location: fields.location,
    body: bodyFraming(status, fields),
    keepsAlive: staysOpen(statusLine, fields) && isEndCertain(statusLine, fields),
  };
}

interface StatusLine {
  status: number;
  /** Of HTTP/1.x; 0 for a version that is not one. */
  minor: number;
  /** It has the form of RFC 9112 §4. */
  isStrict: boolean;
}

function readStatusLine(text: string): StatusLine | ResponseProblem {
  const strict = STATUS_LINE.exec(text);
  const digits = strict?.[2] ?? LENIENT_STATUS_LINE.exec(text)?.[1];
  if (digits === undefined) return "malformed-response";
  const status = Number(digits);
  // RFC 9110 §15 ends at 599. Some servers send higher codes, which are passed on unchanged.
  if (status < 100) return `status-${status}`;
  return { status, minor: Number(strict?.[1] ?? 0), isStrict: strict !== null };
}

/** The fields that matter here, and what the others say about the framing. */
interface Fields {
  retryAfter: string | null;
  location: string | null;
  length: number | null;
  /** Transfer-Encoding, all lines of it. */
  coding: string | null;
  saysClose: boolean;
  saysKeepAlive: boolean;
  /** Another parser may see another framing, so the end of this response is uncertain. */
  isDoubtful: boolean;
}

/** Returns null if a line is not a field even by lenient rules. */
function readFields(text: string): Fields | null {
  const lines = text.includes("\n ") || text.includes("\n\t") ? text.replace(FOLDED, " ") : text;
  const fields: Fields = {
    retryAfter: null,
    location: null,
    length: null,
    coding: null,
    saysClose: false,
    saysKeepAlive: false,
    // RFC 9112 §2.2: no white space may come between the status line and the first field.
    isDoubtful: isBlank(text.charCodeAt(text.indexOf("\n") + 1)),
  };
  let at = lines.indexOf("\n") + 1;
  const end = lines.length - (lines.endsWith("\r\n") ? 2 : 1);
  while (at < end) {
    FIELD_LINE.lastIndex = LENIENT_FIELD_LINE.lastIndex = at;
    const strict = FIELD_LINE.exec(lines);
    const field = strict ?? LENIENT_FIELD_LINE.exec(lines);
    if (field === null) return null;
    if (strict === null) fields.isDoubtful = true;
    at += field[0].length;
    const name = withoutSpaceAround(field[1] ?? "").toLowerCase();
    addField(fields, name, withoutSpaceAround(field[2] ?? ""));
  }
  return fields;
}

function addField(fields: Fields, name: string, value: string): void {
  switch (name) {
    case "retry-after":
      fields.retryAfter ??= value;
      break;
    case "location":
      fields.location ??= value;
      break;
    case "content-length":
      // RFC 9112 §6.3: two different lengths leave the end unknown. Node refuses two equal ones too.
      if (fields.length !== null || !DIGITS.test(value)) fields.isDoubtful = true;
      fields.length ??= readLength(value);
      break;
    case "transfer-encoding":
      fields.coding = fields.coding === null ? value : `${fields.coding}, ${value}`;
      break;
    case "connection":
      for (const option of value.toLowerCase().split(",")) {
        if (option.trim() === "close") fields.saysClose = true;
        if (option.trim() === "keep-alive") fields.saysKeepAlive = true;
      }
  }
}

/** RFC 9112 §6.3. A length beside a coding other than chunked says when nothing more has to be awaited. */
function bodyFraming(status: number, { coding, length }: Fields): Head["body"] {
  if (hasNoBody(status) || status === 204) return 0;
  return isChunked(coding) ? "chunked" : (length ?? "until-close");
}

/** RFC 9112 §9.3: HTTP/1.1 stays open unless it says close, HTTP/1.0 only if it says keep-alive. */
function staysOpen({ minor }: StatusLine, { saysClose, saysKeepAlive }: Fields): boolean {
  return !saysClose && (minor > 0 || saysKeepAlive);
}

/** Whether every parser sees the same end, so that the next response cannot be mistaken for a body. */
function isEndCertain({ status, minor, isStrict }: StatusLine, fields: Fields): boolean {
  const { coding, length } = fields;
  if (fields.isDoubtful || !isStrict) return false;
  if (hasNoBody(status)) return true;
  // A 204 has no body, but a server that announces one may send it all the same.
  if (status === 204) return coding === null && (length ?? 0) === 0;
  // RFC 9112 §6.1: chunks beside a length, or from HTTP/1.0, are not to be trusted.
  if (isChunked(coding)) return length === null && minor > 0;
  return coding === null && length !== null;
}

const hasNoBody = (status: number) => status < 200 || status === 304;
const isChunked = (coding: string | null) => coding !== null && ENDS_IN_CHUNKED.test(coding);

/** Returns the fields of a head that `readHead` accepts, in their order, with names in lower case. */
export function responseFields(text: string): [name: string, value: string][] {
  const lines = text.replace(FOLDED, " ").split("\n").slice(1);
  return lines.flatMap((line): [string, string][] => {
    const colon = line.indexOf(":");
    if (colon === -1) return [];
    const name = withoutSpaceAround(line.slice(0, colon)).toLowerCase();
    return [[name, withoutSpaceAround(line.slice(colon + 1))]];
  });
}

/** Returns whether a line, without its end, is a field by the strict rules. */
export function isField(line: string): boolean {
  FIELD_LINE.lastIndex = 0;
  return FIELD_LINE.test(`${line}\n`);
}

/** RFC 9110 §8.6: a list that repeats one length is that length. */
function readLength(value: string): number | null {
  if (DIGITS.test(value)) return Number(value);
  const all = new Set(value.split(",").map((one) => one.trim()));
  const [only = ""] = all;
  return all.size === 1 && DIGITS.test(only) ? Number(only) : null;
}

/** Unlike `trim`, keeps a no-break space, which is part of the value. */
function withoutSpaceAround(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value.charCodeAt(start))) start += 1;
  while (end > start && isSpace(value.charCodeAt(end - 1))) end -= 1;
  return value.slice(start, end);
}

const isBlank = (code: number) => code === 0x20 || code === 0x09;
const isSpace = (code: number) => isBlank(code) || code === CR;
