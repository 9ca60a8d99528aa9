// Makes the connection that a delivery would make, to an approved address only (guarantee 7), and says
// nothing on it: TCP, and TLS where the URL has it.
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Address } from "../../delivery/address.ts";
import type { Deadline } from "../../delivery/deadline.ts";
import { createDial } from "../../delivery/dial.ts";
import { mayTryNextAddress, type Failure } from "../../delivery/failure.ts";
import type { Target } from "../../delivery/target.ts";

export interface Connected {
  kind: "connected";
  address: string;
  ms: number;
  /** Null on plain http. */
  tls: { version: string | null; certificateEndsAt: Date } | null;
}

export async function dial(
  target: Target,
  addresses: readonly Address[],
  deadline: Deadline,
  ca?: string,
): Promise<Connected | Failure> {
  const open = createDial(ca);
  let failure: Failure = { kind: "failure", reason: "connection-failed", code: null };
  for (const address of addresses) {
    const started = performance.now();
    const socket = await open(target, address, deadline);
    if (!("kind" in socket)) {
      const ms = Math.round(performance.now() - started);
      const tls = describeTls(socket);
      socket.on("error", () => {});
      socket.destroy();
      return { kind: "connected", address: address.address, ms, tls };
    }
    if (!mayTryNextAddress(socket)) return socket;
    failure = socket;
  }
  return failure;
}

function describeTls(socket: Socket): Connected["tls"] {
  if (!(socket instanceof TLSSocket)) return null;
  return {
    version: socket.getProtocol(),
    certificateEndsAt: new Date(socket.getPeerCertificate().valid_to),
  };
}
