// A receiver on 127.0.0.1 that speaks TLS, with one certificate or with one for each name, and keeps
// with every request the name that its connection was made for.
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer, type SecureVersion, type TLSSocket } from "node:tls";
import { certificate, type CertificateName } from "./certificates.ts";

export interface TlsRequest {
  /** SNI of its connection; "" without. */
  serverName: string;
  host: string;
}

export interface TlsReceiver {
  port: number;
  requests: readonly TlsRequest[];
  stop(): Promise<void>;
}

export interface TlsReceiverOptions {
  /** What is shown to everybody else. */
  certificate: CertificateName;
  /** What is shown to who asks for one of these names. */
  named?: Readonly<Record<string, CertificateName>>;
  minVersion?: SecureVersion;
  maxVersion?: SecureVersion;
}

/** Answers 204 with the request's own Host as `Retry-After`, the one header that a sender reads. */
export async function startTlsReceiver({
  certificate: shown,
  named = {},
  ...versions
}: TlsReceiverOptions): Promise<TlsReceiver> {
  const requests: TlsRequest[] = [];
  const sockets = new Set<TLSSocket>();
  const http = createHttpServer((request, response) => {
    const { socket } = request;
    const host = request.headers.host ?? "";
    const serverName = "servername" in socket ? String(socket.servername) : "";
    requests.push({ serverName, host });
    request.resume();
    response.writeHead(204, { "Retry-After": host }).end();
  });
  // Not node:https: Bun's knows one certificate only.
  const server = createServer({ ...(await certificate(shown)), ...versions }, (socket) => {
    sockets.add(socket);
    http.emit("connection", socket);
  });
  for (const [name, leaf] of Object.entries(named)) {
    server.addContext(name, await certificate(leaf));
  }
  // That a client turns away from a wrong certificate is what is tested.
  server.on("tlsClientError", () => {});

  const listening = Promise.withResolvers<void>();
  server.once("error", listening.reject);
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;

  return {
    port: (server.address() as AddressInfo).port,
    requests,
    async stop() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
      await promise;
    },
  };
}
