import { describe, expect, test } from "bun:test";
import {
  connectionFailure,
  mayTryNextAddress,
  proxyFailure,
  type FailureReason,
} from "../../../src/delivery/http/failure.ts";
import { startTcpReceiver, type TcpConnection } from "../../support/tcp-receiver.ts";
import { flood } from "../../support/hostile-receiver.ts";
import { sendTo } from "../attempt.ts";

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
  ["speaks SSH", answering("SSH-2.0-OpenSSH\r\n"), "bad-response", "malformed-response"],
  [
    "has no number as status",
    answering("HTTP/1.1 abc OK\r\n\r\n"),
    "bad-response",
    "malformed-response",
  ],
  ["has a status of 000", answering("HTTP/1.1 000 OK\r\n\r\n"), "bad-response", "status-0"],
  [
    "has a status of 1000",
    answering("HTTP/1.1 1000 OK\r\n\r\n"),
    "bad-response",
    "malformed-response",
  ],
  [
    "has a header without colon",
    answering(`${head}nonsense\r\n\r\n`),
    "bad-response",
    "malformed-response",
  ],
  [
    "switches protocols",
    answering(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ),
    "bad-response",
    "unrequested-upgrade",
  ],
  [
    "has too many headers",
    answering(`${head}${"X-A: b\r\n".repeat(10_000)}\r\n`),
    "bad-response",
    "head-too-large",
  ],
  [
    "sends headers without end",
    flooding(head, (n) => `X-${n}: ${"x".repeat(10_000)}\r\n`),
    "bad-response",
    "head-too-large",
  ],
  [
    "sends one header without end",
    flooding(`${head}X-A: `, () => "x".repeat(100_000)),
    "bad-response",
    "head-too-large",
  ],
];

describe("failures", () => {
  test.each(plays)("names the failure of a receiver that %s", async (_, play, reason, code) => {
    const receiver = await startTcpReceiver(play);
    expect(await sendTo(receiver.url)).toEqual({ kind: "failure", reason, code });
    await receiver.stop();
  });

  const endless: [name: string, play: Play][] = [
    ["never answers", () => {}],
    ["stops within the headers", answering(`${head}X-A: b\r\n`, "keep")],
    ["floods with 1xx", flooding("", () => "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100))],
  ];
  test.each(endless)("times out for a receiver that %s", async (_, play) => {
    const receiver = await startTcpReceiver(play);
    expect(await sendTo(receiver.url, { timeoutMs: 200 })).toEqual({
      kind: "failure",
      reason: "timeout",
      code: null,
    });
    // The abandoned request keeps no connection.
    await receiver.connections[0]?.closed;
    await receiver.stop();
  });

  test("a receiver that does not listen is connection-refused", async () => {
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

  test("a receiver that cannot be reached fails the connection", async () => {
    const answer = await sendTo("http://receiver.test:81/", {
      addresses: [{ address: "255.255.255.255", family: 4 }],
    });
    // Bun's sockets do not distinguish the two.
    expect(answer).toMatchObject({
      kind: "failure",
      reason: expect.stringMatching(/^connection-(?:refused|failed)$/),
    });
  });
});

test("an unknown code is connection-failed, so the delivery keeps its schedule", () => {
  expect(connectionFailure("ESOMETHINGNEW")).toEqual({
    kind: "failure",
    reason: "connection-failed",
    code: "ESOMETHINGNEW",
  });
});

test.each(["ECONNREFUSED", "EHOSTUNREACH", "ENOTFOUND", "EAI_AGAIN"])(
  "%s is the proxy's where one is dialled, and no other address is tried",
  (code) => expect(mayTryNextAddress(proxyFailure(code))).toBe(false),
);
