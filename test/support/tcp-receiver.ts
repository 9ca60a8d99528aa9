// A raw TCP receiver on 127.0.0.1: keeps the exact bytes of every connection and writes back
// whatever bytes the test wants, so that broken, endless and smuggled answers can be played.
import { createServer, type AddressInfo, type Socket } from "node:net";

import { ArrivalLog } from "./arrival-log.ts";

export interface TcpConnection {
  /** Every byte received on this connection so far. */
  readonly received: Uint8Array;
  /** The next complete request on this connection: head, and a body of `Content-Length`. */
  request(limit?: { withinMs?: number }): Promise<Uint8Array>;
  /** Resolves when the bytes are handed to the system, or the connection is gone. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** Ends with FIN, after what was written. */
  close(): void;
  /** Ends with RST. */
  reset(): void;
  readonly isClosed: boolean;
  readonly closed: Promise<void>;
}

/** Runs once per connection, from its first moment; doing nothing is never answering. */
export type Behave = (connection: TcpConnection, index: number) => void | Promise<void>;

export interface TcpReceiver {
  url: string;
  port: number;
  connections: readonly TcpConnection[];
  waitForConnections(
    count: number,
    limit?: { withinMs?: number },
  ): Promise<readonly TcpConnection[]>;
  /** The complete bytes of the next request, over all connections in the order of completion. */
  waitForRequest(limit?: { withinMs?: number }): Promise<Uint8Array>;
  stop(): Promise<void>;
}

export async function startTcpReceiver(behave: Behave = () => {}): Promise<TcpReceiver> {
  const connections = new ArrivalLog<TcpConnection>("connections");
  const requests = new ArrivalLog<Uint8Array>("requests");
  const sockets = new Set<Socket>();
  let requestsTaken = 0;

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    const connection = track(socket, (request) => requests.add(request));
    const index = connections.add(connection) - 1;
    // A rejected behave() is the test's own mistake and must end its waits.
    Promise.try(behave, connection, index).catch((cause: unknown) => {
      const error = new Error("the TCP receiver's behave() threw", { cause });
      requests.fail(error);
      connections.fail(error);
    });
  });

  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    connections: connections.items,
    waitForConnections: (count, limit) => connections.waitFor(count, limit),
    async waitForRequest(limit) {
      const index = requestsTaken++;
      return (await requests.waitFor(index + 1, limit))[index]!;
    },
    async stop() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
      await promise;
    },
  };
}

function track(socket: Socket, onRequest: (request: Uint8Array) => void): TcpConnection {
  let received = Buffer.alloc(0);
  let parsedTo = 0;
  let requestsTaken = 0;
  const requests = new ArrivalLog<Uint8Array>("requests on this connection");
  const closed = Promise.withResolvers<void>();

  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const end = requestEnd(received, parsedTo);
      if (end === null) break;
      const request = new Uint8Array(received.subarray(parsedTo, end));
      parsedTo = end;
      requests.add(request);
      onRequest(request);
    }
  });
  // A peer that resets is part of the play; "close" follows and says so.
  socket.on("error", () => {});
  socket.on("close", () => closed.resolve());

  return {
    get received() {
      return new Uint8Array(received);
    },
    get isClosed() {
      return socket.destroyed;
    },
    closed: closed.promise,
    async request(limit) {
      const index = requestsTaken++;
      return (await requests.waitFor(index + 1, limit))[index]!;
    },
    async write(bytes) {
      if (socket.destroyed) return;
      const written = Promise.withResolvers<void>();
      socket.write(bytes, () => written.resolve());
      await Promise.race([written.promise, closed.promise]);
    },
    close: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
  };
}

/** Where the request that begins at `start` ends, or null while it is not complete (RFC 9112, 6). */
function requestEnd(bytes: Buffer, start: number): number | null {
  const headEnd = bytes.indexOf("\r\n\r\n", start);
  if (headEnd === -1) return null;
  const head = bytes.toString("latin1", start, headEnd);
  if (/^transfer-encoding:/im.test(head)) {
    const lastChunk = bytes.indexOf("\r\n0\r\n\r\n", headEnd);
    return lastChunk === -1 ? null : lastChunk + 7;
  }
  const length = Number(/^content-length:[ \t]*(\d+)/im.exec(head)?.[1] ?? 0);
  const end = headEnd + 4 + length;
  return bytes.length >= end ? end : null;
}
