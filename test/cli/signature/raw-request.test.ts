import { describe, expect, test } from "bun:test";
import { readRawRequest } from "../../../src/cli/signature/raw-request.ts";

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

function read(text: string): { headers: Record<string, string>; body: string } {
  const request = readRawRequest(bytes(text));
  if (typeof request === "string") throw new Error(request);
  return {
    headers: Object.fromEntries(request.headers) as Record<string, string>,
    body: Buffer.from(request.body).toString("latin1"),
  };
}

describe("a request from a file", () => {
  test.each([
    ["with CRLF", "POST /a?b HTTP/1.1\r\nHost: x\r\nwebhook-id:  1 \r\n\r\n{}\r\n"],
    ["with line feeds", "POST /a?b HTTP/1.1\nHost: x\nwebhook-id: 1\n\n{}\r\n"],
    ["without a request line", "Host: x\r\nWebhook-Id: 1\r\n\r\n{}\r\n"],
  ])("%s", (_, text) => {
    expect(read(text)).toEqual({ headers: { host: "x", "webhook-id": "1" }, body: "{}\r\n" });
  });

  test("keeps every byte of the body, including empty lines", () => {
    const body = "\u0000\u00ff\r\n\r\n\u00c3\u0028\n\n";
    expect(read(`POST / HTTP/1.1\r\nA: b\r\n\r\n${body}`).body).toBe(body);
    expect(read(`POST / HTTP/1.1\r\nA: b\r\n\r\n`).body).toBe("");
  });

  test("is cut to Content-Length, without an editor's line feed at the end", () => {
    expect(read("A: b\nContent-Length: 2\n\n{}\n").body).toBe("{}");
  });

  test.each([
    ["", "it has no empty line"],
    ["POST / HTTP/1.1\r\nA: b\r\n", "it has no empty line"],
    ["POST / HTTP/1.1\r\nno header\r\n\r\n", "one of its lines is not a header"],
    ["A: b\nContent-Length: 9\n\n{}", "its body has 2 bytes, but Content-Length is 9"],
    ["A: b\nContent-Length: many\n\n{}", "its body has 2 bytes, but Content-Length is many"],
    ["A: b\nTransfer-Encoding: chunked\n\n2\n{}\n0\n\n", "its body is chunked"],
  ])("%j is refused with what is wrong", (text, problem) => {
    expect(readRawRequest(bytes(text))).toStartWith(problem);
  });
});
