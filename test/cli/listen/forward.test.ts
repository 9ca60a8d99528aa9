// One request to a local server as it comes: what fetch would change or refuse goes through unchanged.
import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { forward } from "../../../src/cli/listen/forward.ts";
import { MAX_BODY_BYTES, type ListenRequest } from "../../../src/wire/tunnel.ts";

interface Seen {
  method: string;
  url: string;
  rawHeaders: string[];
  body: Buffer;
}

async function localServer(
  respond: (response: ServerResponse, message: IncomingMessage) => void = (r) => void r.end("ok"),
  host = "127.0.0.1",
) {
  const seen: Seen[] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const { method = "", url = "", rawHeaders } = message;
      seen.push({ method, url, rawHeaders, body: Buffer.concat(chunks) });
      respond(response, message);
    });
  });
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    seen,
    port,
    base: new URL(`http://localhost:${port}/hook`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function request(changes: Partial<ListenRequest> = {}): ListenRequest {
  return {
    id: "1-0",
    source: "caller",
    method: "POST",
    path: "",
    headers: [],
    body: "",
    ...changes,
  };
}

const base64 = (text: string | Buffer) => Buffer.from(text).toString("base64");
const textOf = ({ answer }: { answer: { body: string } }) =>
  Buffer.from(answer.body, "base64").toString();

describe("a request to the local server", () => {
  test("has the same headers in order and case, repeated ones included, and no others", async () => {
    await using local = await localServer();
    const headers = [
      { name: "X-First", value: "1" },
      { name: "x-again", value: "a" },
      { name: "X-Again", value: "b" },
    ];
    await forward(request({ headers, body: base64("{}") }), local.base);
    const { rawHeaders } = local.seen[0] ?? { rawHeaders: [] };
    const names = rawHeaders.filter((_, at) => at % 2 === 0);
    const added = ["Host", "X-First", "x-again", "X-Again", "Content-Length", "Connection"];
    expect(names).toEqual(added);
    expect(rawHeaders[1]).toBe(`localhost:${local.port}`);
  });

  test.each([
    ["GET", "a body"],
    ["DELETE", "a body"],
    ["PROPFIND", ""],
    ["PUT", ""],
    ["HEAD", ""],
  ])("keeps the method %s with %p", async (method, text) => {
    await using local = await localServer((response) => void response.end());
    const { answer } = await forward(request({ method, body: base64(text) }), local.base);
    expect(answer.status).toBe(200);
    expect(local.seen).toMatchObject([{ method, url: "/hook" }]);
    expect(local.seen[0]?.body.toString()).toBe(text);
  });

  test("reaches a server that listens only on localhost's IPv6 address", async () => {
    await using local = await localServer(undefined, "::1");
    expect(textOf(await forward(request(), local.base))).toBe("ok");
  });

  test("is not sent if it leaves the path", async () => {
    await using local = await localServer();
    const { answer, problem } = await forward(request({ path: "/../admin" }), local.base);
    expect([answer.status, problem]).toEqual([400, "the path leads out of /hook"]);
    expect(local.seen).toEqual([]);
  });

  test("fails without a crash if it cannot be sent", async () => {
    await using local = await localServer();
    const headers = [{ name: "bad name", value: "1" }];
    expect((await forward(request({ headers }), local.base)).answer.status).toBe(502);
  });
});

describe("the local server's response", () => {
  test("is unchanged: compressed, redirecting, with a repeated header", async () => {
    const packed = gzipSync("hello");
    await using local = await localServer((response) => {
      response.writeHead(302, {
        Location: "/elsewhere",
        "Content-Encoding": "gzip",
        "Set-Cookie": ["a=1", "b=2"],
      });
      response.end(packed);
    });
    const { answer, problem } = await forward(request(), local.base);
    expect([answer.status, answer.body, problem]).toEqual([302, base64(packed), null]);
    const cookies = answer.headers.filter(({ name }) => name.toLowerCase() === "set-cookie");
    expect(cookies.map(({ value }) => value)).toEqual(["a=1", "b=2"]);
    expect(local.seen).toHaveLength(1);
  });

  test.each<[string, (response: ServerResponse, message: IncomingMessage) => void, string]>([
    [
      "that never comes to its end",
      (_, message) => message.socket.destroy(),
      "closed the connection",
    ],
    [
      "that breaks off",
      (response) => {
        response.writeHead(200, { "Content-Length": "100" });
        response.write("begun", () => response.destroy());
      },
      "closed the connection",
    ],
    [
      "over 5 MiB",
      (response) => void response.end(Buffer.alloc(MAX_BODY_BYTES + 1)),
      `more than ${MAX_BODY_BYTES} bytes`,
    ],
  ])("%s is 502, and says why", async (_, respond, said) => {
    await using local = await localServer(respond);
    const { answer, problem } = await forward(request(), local.base);
    expect(answer.status).toBe(502);
    expect(problem).toContain(said);
  });
});
