// Which connection carries which request, observed at the receiver.
import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type AddressInfo } from "node:net";
import { Deadline } from "../../../src/deadline.ts";
import { createSender } from "../../../src/delivery/http/send.ts";
import { readTarget } from "../../../src/delivery/guard/target.ts";
import { startTcpReceiver, type Behave, type TcpConnection } from "../../support/tcp-receiver.ts";
import { LOOPBACK, sendTo, type SendOptions } from "../attempt.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function receiver(behave: Behave) {
  const started = await startTcpReceiver(behave);
  stops.push(() => started.stop());
  return started;
}

const NO_CONTENT = "HTTP/1.1 204 No Content\r\n\r\n";
const OOPS = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
const RESET = { kind: "failure", reason: "connection-reset", code: "ECONNRESET" } as const;

/** Answers one request after the other until the connection ends. */
async function answerAll(connection: TcpConnection, bytes = NO_CONTENT): Promise<void> {
  for (;;) {
    const request = await Promise.race([connection.request(), connection.closed]);
    if (request === undefined) return;
    await connection.write(bytes);
  }
}

/** The first connection behaves as `play` does, all others normally. */
const firstOf =
  (play: (connection: TcpConnection) => Promise<void>): Behave =>
  (connection, index) =>
    index === 0 ? play(connection) : answerAll(connection);

/** Returns the status or the failure, once the connection is free or closed. */
async function statusOf(url: string, body = "{}", options: SendOptions = {}) {
  const answer = await sendTo(url, { body, ...options });
  if (answer.kind !== "response") return answer;
  await answer.drained;
  return answer.status;
}

/** Returns the bodies of all requests of one connection, byte for byte. */
function requestBodies(received: Uint8Array): Buffer[] {
  const bytes = Buffer.from(received);
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = bytes.indexOf("\r\n\r\n", at) + 4;
    const head = bytes.toString("latin1", at, start);
    at = start + Number(/^Content-Length: (\d+)\r$/m.exec(head)?.[1]);
    found.push(bytes.subarray(start, at));
  }
  return found;
}

const bodies = (connections: readonly TcpConnection[]) =>
  connections.map(({ received }) => requestBodies(received).map((body) => String(body)));

describe("a connection that was used before", () => {
  const ends: [claim: string, end: (connection: TcpConnection) => void][] = [
    ["closed", (connection) => connection.close()],
    ["reset", (connection) => connection.reset()],
  ];

  test.each(ends)(
    "a connection that was %s while it was free is not used again",
    async (_, end) => {
      const { url, connections } = await receiver((connection) => answerAll(connection));
      expect(await statusOf(url, `"a"`)).toBe(204);
      end(connections[0]!);
      // The client answers a FIN with its own, so it has seen it by then.
      await connections[0]!.closed;
      expect(await statusOf(url, `"b"`)).toBe(204);
      expect(bodies(connections)).toEqual([[`"a"`], [`"b"`]]);
    },
  );

  /** Answers one request and ends at the next one. */
  const endsWithSecond = (end: (connection: TcpConnection) => void) =>
    firstOf(async (connection) => {
      await connection.request();
      await connection.write(NO_CONTENT);
      await connection.request();
      end(connection);
    });

  /** A sender whose clock stands still. */
  const still = () => createSender({ now: () => 0 });

  test.each(ends)(
    "a used connection that is %s at once gets its request sent once more",
    async (_, end) => {
      const { url, connections } = await receiver(endsWithSecond(end));
      const sender = still();
      expect(await statusOf(url, `"a"`, { sender })).toBe(204);
      expect(await statusOf(url, `"b"`, { sender })).toBe(204);
      expect(bodies(connections)).toEqual([[`"a"`, `"b"`], [`"b"`]]);
    },
  );

  test.each(ends)("a used connection that is %s after 3 s fails the attempt", async (_, end) => {
    let nowMs = 0;
    const { url, connections } = await receiver(
      endsWithSecond((connection) => {
        nowMs += 3_000;
        end(connection);
      }),
    );
    const sender = createSender({ now: () => nowMs });
    expect(await statusOf(url, `"a"`, { sender })).toBe(204);
    expect(await statusOf(url, `"b"`, { sender })).toEqual(RESET);
    expect(await statusOf(url, `"c"`, { sender })).toBe(204);
    expect(bodies(connections)).toEqual([[`"a"`, `"b"`], [`"c"`]]);
  });

  /** The sender reads the clock before and after opening, and at each write, first byte and end. */
  const roundTrips: [claim: string, openMs: number, answerMs: number, endMs: number][] = [
    ["within the time that it took to open and 50 ms", 400, 900, 450],
    ["within the time of the answer before and 50 ms", 400, 90, 140],
    ["within 50 ms, however near it is", 0, 0, 50],
  ];
  describe.each(roundTrips)("that ends %s", (_, openMs, answerMs, endMs) => {
    const play = async (lateMs: number) => {
      const { url, connections } = await receiver(
        endsWithSecond((connection) => connection.close()),
      );
      const looks = [0, openMs, 0, answerMs, 0, endMs + lateMs];
      const sender = createSender({ now: () => looks.shift() ?? 0 });
      await statusOf(url, `"a"`, { sender });
      return { answer: await statusOf(url, `"b"`, { sender }), connections };
    };
    test("the request is sent once more", async () => {
      expect((await play(0)).answer).toBe(204);
    });
    test("the attempt fails if the end comes a millisecond later", async () => {
      const { answer, connections } = await play(1);
      expect(answer).toEqual(RESET);
      expect(connections).toHaveLength(1);
    });
  });

  const TIMEOUT = "HTTP/1.1 408 Request Timeout\r\n";
  const idleAnswers: [claim: string, bytes: string][] = [
    ["408", `${TIMEOUT}Connection: close\r\n\r\n`],
    ["408 and would live on", `${TIMEOUT}Content-Length: 0\r\n\r\n`],
    ["408 with some of a body", `${TIMEOUT}Content-Length: 9\r\n\r\nidle`],
  ];
  test.each(idleAnswers)(
    "a used connection that answers %s was idle, so the request is sent once more",
    async (_, bytes) => {
      let nowMs = 0;
      const { url, connections } = await receiver(
        firstOf(async (connection) => {
          await connection.request();
          await connection.write(NO_CONTENT);
          await connection.request();
          nowMs += 3_000;
          await connection.write(bytes);
        }),
      );
      const sender = createSender({ now: () => nowMs });
      expect(await statusOf(url, `"a"`, { sender })).toBe(204);
      expect(await statusOf(url, `"b"`, { sender })).toBe(204);
      expect(bodies(connections)).toEqual([[`"a"`, `"b"`], [`"b"`]]);
      await connections[0]!.closed;
    },
  );

  test("a 408 on the old and the new connection is the answer 408", async () => {
    const { url, connections } = await receiver(async (connection, index) => {
      await connection.request();
      if (index === 0) {
        await connection.write(NO_CONTENT);
        await connection.request();
      }
      await connection.write(`${TIMEOUT}Content-Length: 0\r\n\r\n`);
    });
    expect(await statusOf(url, `"a"`)).toBe(204);
    expect(await statusOf(url, `"b"`)).toBe(408);
    expect(bodies(connections)).toEqual([[`"a"`, `"b"`], [`"b"`]]);
  });

  test("after a 408 the new connection gets the rest of the deadline", async () => {
    const { url } = await receiver(async (connection, index) => {
      await connection.request();
      if (index > 0) return;
      await connection.write(NO_CONTENT);
      await connection.request();
      await connection.write(`${TIMEOUT}Content-Length: 0\r\n\r\n`);
    });
    expect(await statusOf(url, `"a"`)).toBe(204);
    const late = await statusOf(url, `"b"`, { timeoutMs: 200 });
    expect(late).toEqual({ kind: "failure", reason: "timeout", code: null });
  });

  test("an attempt fails if the old and the new connection close without a byte", async () => {
    const { url, connections } = await receiver(async (connection, index) => {
      if (index > 1) return answerAll(connection);
      await connection.request();
      if (index === 0) {
        await connection.write(NO_CONTENT);
        await connection.request();
      }
      connection.close();
    });
    const sender = still();
    expect(await statusOf(url, `"a"`, { sender })).toBe(204);
    expect(await statusOf(url, `"b"`, { sender })).toEqual(RESET);
    expect(await statusOf(url, `"c"`, { sender })).toBe(204);
    expect(bodies(connections)).toEqual([[`"a"`, `"b"`], [`"b"`], [`"c"`]]);
  });

  const begun: [claim: string, bytes: string][] = [
    ["the first byte of an answer", "H"],
    ["some of a head", "HTTP/1.1 200 OK\r\nX-A: b\r\n"],
    ["a 1xx", "HTTP/1.1 100 Continue\r\n\r\n"],
  ];
  test.each(begun)(
    "a used connection that ends after %s fails the attempt, because the request was read",
    async (_, bytes) => {
      const { url, connections } = await receiver(
        firstOf(async (connection) => {
          await connection.request();
          await connection.write(NO_CONTENT);
          await connection.request();
          await connection.write(bytes);
          connection.close();
        }),
      );
      expect(await statusOf(url, `"a"`)).toBe(204);
      expect(await statusOf(url, `"b"`)).toEqual(RESET);
      expect(await statusOf(url, `"c"`)).toBe(204);
      expect(bodies(connections)).toEqual([[`"a"`, `"b"`], [`"c"`]]);
    },
  );

  test("a used connection that is silent until the deadline fails the attempt", async () => {
    const { url, connections } = await receiver(
      firstOf(async (connection) => {
        await connection.request();
        await connection.write(NO_CONTENT);
      }),
    );
    expect(await statusOf(url, `"a"`)).toBe(204);
    const late = await sendTo(url, { body: `"b"`, timeoutMs: 100 });
    expect(late).toEqual({ kind: "failure", reason: "timeout", code: null });
    expect(await statusOf(url, `"c"`)).toBe(204);
    expect(bodies(connections)).toEqual([[`"a"`, `"b"`], [`"c"`]]);
  });

  test("a free connection that sends bytes is closed, and they answer no request", async () => {
    const { url, connections } = await receiver((connection) => answerAll(connection));
    expect(await statusOf(url, `"a"`)).toBe(204);
    await connections[0]!.write(OOPS);
    await connections[0]!.closed;
    expect(await statusOf(url, `"b"`)).toBe(204);
    expect(bodies(connections)).toEqual([[`"a"`], [`"b"`]]);
  });
});

describe("a new connection", () => {
  test.each([
    ["closed", (connection: TcpConnection) => connection.close()],
    ["reset", (connection: TcpConnection) => connection.reset()],
  ])(
    "a new connection that is %s without an answer fails the attempt, and nothing is sent again",
    async (_, end) => {
      const { url, connections } = await receiver(
        firstOf(async (connection) => {
          await connection.request();
          end(connection);
        }),
      );
      expect(await statusOf(url, `"a"`)).toEqual(RESET);
      expect(await statusOf(url, `"b"`)).toBe(204);
      expect(bodies(connections)).toEqual([[`"a"`], [`"b"`]]);
    },
  );
});

describe("a response", () => {
  const CHUNKS = "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  const LAST: [claim: string, bytes: string][] = [
    ["says close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"],
    ["says close and has no body", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"],
    ["is of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"],
    ["has chunks beside a length", `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n${CHUNKS}`],
    ["is of HTTP/1.0 in chunks", `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n${CHUNKS}`],
    ["has another one after it", NO_CONTENT + OOPS],
    ["has more than its length", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nok"],
    ["has more than its chunks", `HTTP/1.1 200 OK\r\n${CHUNKS}\r\n`],
    ["has broken chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n"],
    ["is too long", "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"],
  ];
  test.each(LAST)("a response that %s is the last on its connection", async (_, bytes) => {
    const { url, connections } = await receiver(
      firstOf((connection) => answerAll(connection, bytes)),
    );
    expect(await statusOf(url, `"a"`)).toBe(Number(bytes.slice(9, 12)));
    expect(await statusOf(url, `"b"`)).toBe(204);
    expect(bodies(connections)).toEqual([[`"a"`], [`"b"`]]);
    await connections[0]!.closed;
  });

  test("a response that lasts until the connection ends is the last on it", async () => {
    const { url, connections } = await receiver(
      firstOf(async (connection) => {
        await connection.request();
        await connection.write("HTTP/1.1 200 OK\r\n\r\nok");
        connection.close();
      }),
    );
    expect(await statusOf(url, `"a"`)).toBe(200);
    expect(await statusOf(url, `"b"`)).toBe(204);
    expect(bodies(connections)).toEqual([[`"a"`], [`"b"`]]);
  });

  const NEXT: [claim: string, bytes: string][] = [
    [
      "of HTTP/1.0 that says keep-alive",
      "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
    ],
    ["after a 1xx", `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${NO_CONTENT}`],
    ["that is a failure", OOPS],
  ];
  test.each(NEXT)("a response %s leaves its connection to the next request", async (_, bytes) => {
    const { url, connections } = await receiver((connection) => answerAll(connection, bytes));
    for (const body of [`"a"`, `"b"`, `"c"`]) await statusOf(url, body);
    expect(bodies(connections)).toEqual([[`"a"`, `"b"`, `"c"`]]);
  });

  test("a response that arrives before its request is fully sent ends the connection", async () => {
    let connections = 0;
    const server = createServer((socket) => {
      const isFirst = connections++ === 0;
      socket.on("error", () => {});
      socket.on("data", () => {
        // The bytes that the first receiver does not read block all later requests.
        if (isFirst) socket.pause();
        socket.write(NO_CONTENT);
      });
      stops.unshift(() => socket.destroy());
    });
    const { promise: listening, resolve } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", resolve);
    await listening;
    stops.push(() => server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    expect(await statusOf(url, "x".repeat(16 << 20))).toBe(204);
    expect(await statusOf(url)).toBe(204);
    expect(connections).toBe(2);
  });
});

test("a hundred requests at once use a hundred connections, and a hundred more reuse them", async () => {
  const { url, connections } = await receiver((connection) => answerAll(connection));
  for (let round = 0; round < 3; round++) {
    const statuses = await Promise.all(Array.from({ length: 100 }, () => statusOf(url)));
    expect(new Set(statuses)).toEqual(new Set([204]));
    expect(connections).toHaveLength(100);
  }
});

test("concurrent requests each arrive unchanged and in one piece", async () => {
  const { url, connections } = await receiver((connection) => answerAll(connection));
  const send = createSender();
  // Sizes below and above the shared buffer, so that both kinds are in flight together.
  const given = Array.from({ length: 40 }, (_, n) =>
    Uint8Array.from({ length: n * 2_500 }, (_byte, at) => (at + n) % 256),
  );
  for (let round = 0; round < 2; round++) {
    const answers = given.map((body) => {
      const target = readTarget(url)!;
      const deadline = new Deadline(20_000);
      const headers = { "X-Latin-1": "ü" };
      return send({ target, addresses: [LOOPBACK], headers, body, deadline });
    });
    expect(await Promise.all(answers)).toMatchObject(given.map(() => ({ status: 204 })));
  }
  const ofBytes = (bytes: Uint8Array) => Bun.hash(bytes).toString();
  const received = connections.flatMap(({ received: bytes }) => requestBodies(bytes));
  expect(received.map(ofBytes).toSorted()).toEqual([...given, ...given].map(ofBytes).toSorted());
});

test("two destinations do not share connections", async () => {
  const places = [
    await receiver((connection) => answerAll(connection)),
    await receiver((connection) => answerAll(connection)),
  ];
  for (const body of [`"a"`, `"b"`]) {
    for (const { url } of places) expect(await statusOf(url, body)).toBe(204);
  }
  for (const { connections } of places) expect(bodies(connections)).toEqual([[`"a"`, `"b"`]]);
});
