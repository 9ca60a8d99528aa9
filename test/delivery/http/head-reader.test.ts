import { expect, test } from "bun:test";
import { HeadReader, headEnd, MAX_HEAD_BYTES } from "../../../src/delivery/http/head-reader.ts";

const HEAD = "HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n";
const latin1 = (text: string) => Buffer.from(text, "latin1");

test("HeadReader returns each of several heads and where it ends", () => {
  const reader = new HeadReader();
  const bytes = latin1(HEAD + HEAD + "body");
  expect(reader.read(bytes, 0)).toBe(HEAD);
  expect(reader.end).toBe(HEAD.length);
  expect(reader.read(bytes, reader.end)).toBe(HEAD);
  expect(reader.end).toBe(2 * HEAD.length);
});

test("HeadReader returns a head that arrives byte by byte, with its end in the last piece", () => {
  const reader = new HeadReader();
  for (const byte of HEAD.slice(0, -1)) expect(reader.read(latin1(byte), 0)).toBeNull();
  expect(reader.read(latin1("\nbody"), 0)).toBe(HEAD);
  expect(reader.end).toBe(1);
  expect(reader.problem).toBeNull();
});

test("HeadReader refuses a head of one byte more than the maximum, in one piece or two", () => {
  const filler = MAX_HEAD_BYTES - "HTTP/1.1 200 OK\r\n".length - "X: \r\n\r\n".length;
  const head = (extra: number) => `HTTP/1.1 200 OK\r\nX: ${"x".repeat(filler + extra)}\r\n\r\n`;
  for (const cut of [0, 10]) {
    const read = (text: string) => {
      const reader = new HeadReader();
      if (cut > 0) reader.read(latin1(text.slice(0, cut)), 0);
      return { text: reader.read(latin1(text.slice(cut)), 0), problem: reader.problem };
    };
    expect(read(head(0))).toEqual({ text: head(0), problem: null });
    expect(read(head(1))).toEqual({ text: null, problem: "head-too-large" });
  }
});

test("HeadReader reports another protocol at its first byte", () => {
  const reader = new HeadReader();
  expect(reader.read(latin1("S"), 0)).toBeNull();
  expect(reader.problem).toBe("malformed-response");
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
])("headEnd finds the empty line of %j at %i", (text, end) => {
  // Bytes outside the range, of another answer, are ignored.
  const bytes = Buffer.from(`\n\n${text}\n\n\n`);
  const found = headEnd(bytes, 2, 2 + text.length);
  expect(found).toBe(end === -1 ? -1 : 2 + end);
});
