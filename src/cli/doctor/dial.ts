// Opens the connection that a delivery would use, to an approved address only (guarantee 7), and sends no
// request: TCP, and TLS for https.
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Address } from "../../delivery/guard/address.ts";
import { Connector } from "../../delivery/http/connector.ts";
import type { Deadline } from "../../deadline.ts";
import { createDial } from "../../delivery/http/dial.ts";
import type { Failure } from "../../delivery/http/failure.ts";
import type { Target } from "../../delivery/guard/target.ts";

export interface Connected {
  kind: "connected";
  address: string;
  ms: number;
  /** Null for plain http. */
  tls: { version: string | null; certificateEndsAt: Date } | null;
}

export async function dial(
  target: Target,
  addresses: readonly Address[],
  deadline: Deadline,
  ca?: string,
): Promise<Connected | Failure> {
  const started = performance.now();
  const connected = await new Connector(createDial(ca)).connect(target, addresses, deadline);
  if ("kind" in connected) return connected;
  const { socket, address } = connected;
  const ms = Math.round(performance.now() - started);
  const tls = describeTls(socket);
  socket.on("error", () => {});
  socket.destroy();
  return { kind: "connected", address: address.address, ms, tls };
}

function describeTls(socket: Socket): Connected["tls"] {
  if (!(socket instanceof TLSSocket)) return null;
  return {
    version: socket.getProtocol(),
    certificateEndsAt: new Date(socket.getPeerCertificate().valid_to),
  };
}
