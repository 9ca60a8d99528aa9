import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";

import { startTcpReceiver } from "./tcp-receiver.ts";

const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);

/** What a bare client sees: all bytes up to the end, and how it ended. */
function dial(port: number): { socket: Socket; ended: Promise<string> } {
  const { promise, resolve } = Promise.withResolvers<string>();
  let seen = "";
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("data", (chunk: Buffer) => (seen += chunk.toString("latin1")));
  socket.on("end", () => resolve(`${seen}|FIN`));
  socket.on("error", (error: NodeJS.ErrnoException) => resolve(`${seen}|${error.code}`));
  return { socket, ended: promise };
}

test("the TCP receiver keeps the exact bytes, and parts requests by Content-Length", async () => {
  const receiver = await startTcpReceiver();
  const { socket } = dial(receiver.port);
  const first = "POST / HTTP/1.1\r\nhost:  a\r\ncontent-length: 3\r\n\r\n\r\n\xff";
  const second = "GET /next HTTP/1.1\r\n\r\n";
  socket.write(Buffer.from(first + second + "GET", "latin1"));

  expect(text(await receiver.waitForRequest())).toBe(first);
  expect(text(await receiver.waitForRequest())).toBe(second);
  expect(text(receiver.connections[0]!.received)).toBe(`${first}${second}GET`);
  await receiver.stop();
});

test("the TCP receiver waits for the whole body", async () => {
  const receiver = await startTcpReceiver();
  const { socket } = dial(receiver.port);
  socket.write("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab");
  const [connection] = await receiver.waitForConnections(1);
  expect(connection!.request({ withinMs: 20 })).rejects.toThrow("0 of 1 requests");

  const request = receiver.waitForRequest();
  socket.write("cd");
  expect(text(await request)).toEndWith("\r\n\r\nabcd");
  await receiver.stop();
});

test("the TCP receiver takes a chunked request to its last chunk", async () => {
  const receiver = await startTcpReceiver();
  const { socket } = dial(receiver.port);
  const chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
  socket.write(chunked);
  expect(text(await receiver.waitForRequest())).toBe(chunked);
  await receiver.stop();
});

test("the TCP receiver writes any bytes back and closes", async () => {
  const receiver = await startTcpReceiver(async (connection) => {
    await connection.request();
    await connection.write("HTTP/1.1 20");
    await connection.write(new Uint8Array([0xff, 0x0a]));
    connection.close();
  });
  const { socket, ended } = dial(receiver.port);
  socket.write("GET / HTTP/1.1\r\n\r\n");
  expect(await ended).toBe("HTTP/1.1 20\xff\n|FIN");
  await receiver.stop();
});

test("the TCP receiver resets a connection", async () => {
  const receiver = await startTcpReceiver((connection) => connection.reset());
  expect(await dial(receiver.port).ended).toBe("|ECONNRESET");
  await receiver.stop();
});

test("the TCP receiver never answers, until it is stopped", async () => {
  const receiver = await startTcpReceiver();
  const { socket, ended } = dial(receiver.port);
  socket.write("GET / HTTP/1.1\r\n\r\n");
  await receiver.waitForRequest();
  const [connection] = receiver.connections;
  expect(connection!.isClosed).toBeFalse();

  await receiver.stop();

  expect(await ended).toMatch(/^\|(FIN|ECONNRESET)$/);
  await connection!.closed;
});

test("the TCP receiver sees that the client disconnected", async () => {
  const receiver = await startTcpReceiver();
  const { socket } = dial(receiver.port);
  const [connection] = await receiver.waitForConnections(1);
  socket.destroy();
  await connection!.closed;
  expect(connection!.isClosed).toBeTrue();
  await receiver.stop();
});

test("the TCP receiver throws an error of behave() to the test that waits", async () => {
  const receiver = await startTcpReceiver(() => {
    throw new Error("a typo");
  });
  dial(receiver.port);
  expect(receiver.waitForRequest()).rejects.toThrow("behave() threw");
  await receiver.stop();
});
