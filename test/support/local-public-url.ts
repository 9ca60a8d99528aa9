// One port, open at every address of this machine: loopback, the interfaces', the wildcard. It tells
// at which address each connection came in, so that a test sees what was really dialled.
import { once } from "node:events";
import { createServer } from "node:http";
import { networkInterfaces, type NetworkInterfaceInfo } from "node:os";
import type { AddressInfo } from "node:net";

export interface LocalDoor extends AsyncDisposable {
  port: number;
  /** The address of this machine that each connection was made to. */
  connections: readonly string[];
  /** The same, of each request. It is answered 204. */
  requests: readonly string[];
}

export async function openLocalDoor(): Promise<LocalDoor> {
  const connections: string[] = [];
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(plain(request.socket.localAddress));
    request.resume();
    response.writeHead(204).end();
  });
  server.on("connection", (socket) => connections.push(plain(socket.localAddress)));
  const hasIpv6 = interfaces().some(({ family }) => family === "IPv6");
  server.listen(0, hasIpv6 ? "::" : "0.0.0.0");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The addresses of this machine that can be dialled: link-local ones need a zone. */
export function localAddresses(): string[] {
  return interfaces()
    .map(({ address }) => address)
    .filter((address) => !address.startsWith("fe80:"));
}

/** As a URL's host. */
export function hostOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

function interfaces(): NetworkInterfaceInfo[] {
  return Object.values(networkInterfaces()).flatMap((found) => found ?? []);
}

/** IPv4 at a listener of both families comes as `::ffff:127.0.0.1`. */
function plain(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:(?=\d+\.)/, "");
}
