import { describe, expect, test } from "bun:test";
import { mayTryNextAddress, readFailure, type FailureReason } from "../../src/delivery/failure.ts";
import { startTcpReceiver, type TcpConnection } from "../support/tcp-receiver.ts";
import { flood } from "../support/hostile-receiver.ts";
import { sendTo } from "./attempt.ts";

type Play = (connection: TcpConnection) => void | Promise<void>;

const answering =
  (bytes: string, then: "close" | "keep" = "close"): Play =>
  async (connection) => {
    await connection.request();
    await connection.write(bytes);
    if (then === "close") connection.close();
  };

const flooding =
  (start: string, chunk: (n: number) => string): Play =>
  async (connection) => {
    await connection.request();
    await connection.write(start);
    await flood(connection, chunk);
  };

const head = "HTTP/1.1 200 OK\r\n";

const plays: [name: string, play: Play, reason: FailureReason, code: string | null][] = [
  ["closes at accept", (connection) => connection.close(), "connection-reset", "ECONNRESET"],
  ["resets at accept", (connection) => connection.reset(), "connection-reset", "ECONNRESET"],
  ["closes after the request", answering(""), "connection-reset", "ECONNRESET"],
  [
    "resets after the request",
    async (connection) => {
      await connection.request();
      connection.reset();
    },
    "connection-reset",
    "ECONNRESET",
  ],
  ["closes within the headers", answering(`${head}X-A: b\r\n`), "connection-reset", "ECONNRESET"],
  ["speaks SSH", answering("SSH-2.0-OpenSSH\r\n"), "bad-response", "Malformed_HTTP_Response"],
  [
    "has no number as status",
    answering("HTTP/1.1 abc OK\r\n\r\n"),
    "bad-response",
    "Malformed_HTTP_Response",
  ],
  ["has a status of 000", answering("HTTP/1.1 000 OK\r\n\r\n"), "bad-response", "status-0"],
  [
    "has a status of 1000",
    answering("HTTP/1.1 1000 OK\r\n\r\n"),
    "bad-response",
    "Malformed_HTTP_Response",
  ],
  [
    "has a header without colon",
    answering(`${head}nonsense\r\n\r\n`),
    "bad-response",
    "Malformed_HTTP_Response",
  ],
  [
    "has two lengths",
    answering(`${head}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde`),
    "bad-response",
    "InvalidContentLength",
  ],
  [
    "has an unknown transfer coding",
    answering(`${head}Transfer-Encoding: smoke\r\n\r\n`),
    "bad-response",
    "UnsupportedTransferEncoding",
  ],
  [
    "switches protocols",
    answering(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ),
    "bad-response",
    "UnrequestedUpgrade",
  ],
  [
    "has too many headers",
    answering(`${head}${"X-A: b\r\n".repeat(1_000)}\r\n`),
    "bad-response",
    "Malformed_HTTP_Response",
  ],
  [
    "sends headers without end",
    flooding(head, (n) => `X-${n}: ${"x".repeat(10_000)}\r\n`),
    "bad-response",
    "ResponseHeadersTooLarge",
  ],
  [
    "sends one header without end",
    flooding(`${head}X-A: `, () => "x".repeat(100_000)),
    "bad-response",
    "ResponseHeadersTooLarge",
  ],
];

describe("a receiver that", () => {
  test.each(plays)("%s", async (_, play, reason, code) => {
    const receiver = await startTcpReceiver(play);
    expect(await sendTo(receiver.url)).toEqual({ kind: "failure", reason, code });
    await receiver.stop();
  });

  const endless: [name: string, play: Play][] = [
    ["never answers", () => {}],
    ["stops within the headers", answering(`${head}X-A: b\r\n`, "keep")],
    ["floods with 1xx", flooding("", () => "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100))],
  ];
  test.each(endless)("%s, until the deadline", async (_, play) => {
    const receiver = await startTcpReceiver(play);
    expect(await sendTo(receiver.url, { timeoutMs: 200 })).toEqual({
      kind: "failure",
      reason: "timeout",
      code: null,
    });
    // The abandoned request holds neither a connection nor one of fetch's slots.
    await receiver.connections[0]?.closed;
    await receiver.stop();
  });

  test("does not listen", async () => {
    const receiver = await startTcpReceiver();
    await receiver.stop();
    for (const url of [receiver.url, receiver.url.replace("http:", "https:")]) {
      expect(await sendTo(url)).toEqual({
        kind: "failure",
        reason: "connection-refused",
        code: "ECONNREFUSED",
      });
    }
  });

  test("cannot be reached", async () => {
    const answer = await sendTo("http://receiver.test:81/", {
      addresses: [{ address: "255.255.255.255", family: 4 }],
    });
    expect(answer).toMatchObject({ kind: "failure", reason: "connection-failed" });
  });
});

test("a code that nobody has seen keeps the delivery on its schedule", () => {
  const error = Object.assign(new TypeError("new"), { code: "ESOMETHINGNEW" });
  expect(readFailure(error, false)).toEqual({
    kind: "failure",
    reason: "connection-failed",
    code: "ESOMETHINGNEW",
  });
});

test.each(["ECONNREFUSED", "EHOSTUNREACH", "ENOTFOUND", "EAI_AGAIN"])(
  "%s is the proxy's where one is dialled, and no other address is tried",
  (code) => {
    const failure = readFailure(Object.assign(new TypeError("away"), { code }), false, true);
    expect(failure).toEqual({ kind: "failure", reason: "proxy", code });
    expect(mayTryNextAddress(failure!)).toBe(false);
  },
);

test("a URL or an option that fetch refuses is none of the remote's doing", () => {
  const error = Object.assign(new TypeError("bad"), { code: "ERR_INVALID_URL" });
  expect(readFailure(error, false)).toBeNull();
});

test("what fetch itself refuses is our fault and throws, with its cause", async () => {
  const refused = sendTo("http://receiver.test/", { headers: { "X-A": "a\r\nb: c" } });
  const error = await refused.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  expect(error).toHaveProperty("cause");
});
