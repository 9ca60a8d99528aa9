// An HTTP proxy on 127.0.0.1 that only knows CONNECT: keeps the head of every request, opens tunnels
// to wherever it is told, or says what the test wants in place of one.
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { certificate, type CertificateName } from "./certificates.ts";

export interface ProxyRequest {
  /** The request line and the headers. */
  head: string;
  /** What CONNECT asked for. */
  authority: string;
  /** The client's connection has ended. */
  closed: Promise<void>;
}

export interface ProxyServer {
  url: string;
  port: number;
  requests: readonly ProxyRequest[];
  stop(): Promise<void>;
}

export interface ProxyOptions {
  /** The proxy itself speaks TLS, at the name `localhost`. */
  certificate?: CertificateName;
  /** What to say in place of a tunnel to this authority, and wait; "" closes, null opens one. */
  says?: (authority: string) => string | null;
  /** Never answers. */
  isSilent?: boolean;
  /** Interim answers before the tunnel's own. */
  before?: string;
  /** The head that opens a tunnel. */
  tunnelHead?: string;
  /** 127.0.0.1 unless set. */
  hostname?: string;
}

/** What `says` returns for a CONNECT that is never answered. */
export const WAIT = "wait";

export async function startProxyServer(options: ProxyOptions = {}): Promise<ProxyServer> {
  const { hostname = "127.0.0.1" } = options;
  const requests: ProxyRequest[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    // An end that is torn off is part of what is played.
    socket.on("error", () => {});
    return socket;
  };

  const serve = (client: Socket): void => {
    keep(client);
    const closed = Promise.withResolvers<void>();
    client.on("close", () => closed.resolve());
    let received = Buffer.alloc(0);
    client.on("data", function readHead(chunk: Buffer) {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf("\r\n\r\n");
      if (end === -1) return;
      client.off("data", readHead);
      const head = received.toString("latin1", 0, end);
      const [method, authority = ""] = head.split(" ");
      requests.push({ head, authority, closed: closed.promise });
      if (method !== "CONNECT") return void client.end("HTTP/1.1 501 Not Implemented\r\n\r\n");
      if (options.isSilent) return;
      const says = options.says?.(authority) ?? null;
      if (says === "") return void client.end();
      if (says === WAIT) return;
      if (says !== null) return void client.write(says);
      tunnel(client, authority, options, keep);
    });
  };
  const server = options.certificate
    ? createTlsServer(await certificate(options.certificate), serve)
    : createServer(serve);

  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(0, hostname, listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo;
  return {
    url: options.certificate ? `https://localhost:${port}` : `http://${hostname}:${port}`,
    port,
    requests,
    async stop() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
      await promise;
    },
  };
}

function tunnel(
  client: Socket,
  authority: string,
  { before = "", tunnelHead = "HTTP/1.1 200 Connection established\r\n\r\n" }: ProxyOptions,
  keep: (socket: Socket) => Socket,
): void {
  const { hostname, port } = new URL(`tcp://${authority}`);
  const upstream = keep(connect(Number(port), hostname.replace(/^\[|\]$/g, "")));
  upstream.once("connect", () => {
    client.write(before + tunnelHead);
    client.pipe(upstream);
    upstream.pipe(client);
  });
  upstream.once("error", () => client.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"));
  upstream.once("close", () => client.end());
  client.once("close", () => upstream.destroy());
}
