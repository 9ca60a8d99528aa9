// Serves one of many answers by the path of the request, byte for byte as it is, and ends the connection.
import { createServer, type AddressInfo, type Socket } from "node:net";

export interface AnswerServer {
  port: number;
  stop(): Promise<void>;
}

export async function startAnswerServer(answers: readonly Buffer[]): Promise<AnswerServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    let received = "";
    socket.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1");
      // All that ask have a body of two bytes: {}
      if (!received.endsWith("\r\n\r\n{}")) return;
      const index = Number(/^POST \/(\d+) /.exec(received)?.[1]);
      received = "";
      socket.end(answers[index] ?? "");
    });
  });
  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
      await promise;
    },
  };
}
