// A TCP proxy that knows nothing of what it carries: its connections can be cut, refused, or fall
// silent while they look alive.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface TcpProxy extends AsyncDisposable {
  url: string;
  /** RST on every connection, and on every new one until `heal`. */
  cut(): void;
  /** Not a byte more on any connection, old or new, until `heal`; the old ones stay silent. */
  silence(): void;
  heal(): void;
}

export async function startTcpProxy(upstreamUrl: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(upstreamUrl);
  const pairs = new Set<{ sockets: Socket[]; isSilent: boolean }>();
  let mode: "open" | "cut" | "silent" = "open";

  const server = createServer((client) => {
    client.on("error", () => {});
    if (mode === "cut") {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ host: hostname, port: Number(port) });
    upstream.on("error", () => {});
    const pair = { sockets: [client, upstream], isSilent: mode === "silent" };
    pairs.add(pair);
    const carry = (from: Socket, to: Socket) => {
      from.on("data", (chunk) => {
        if (!pair.isSilent) to.write(chunk);
      });
      from.on("close", () => {
        pairs.delete(pair);
        to.destroy();
      });
    };
    carry(client, upstream);
    carry(upstream, client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const reset = () => {
    for (const { sockets } of pairs) for (const socket of sockets) socket.resetAndDestroy();
  };

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      mode = "cut";
      reset();
    },
    silence() {
      mode = "silent";
      for (const pair of pairs) pair.isSilent = true;
    },
    heal: () => void (mode = "open"),
    async [Symbol.asyncDispose]() {
      reset();
      server.close();
    },
  };
}
