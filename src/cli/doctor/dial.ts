// Makes the connection that a delivery would make, to an approved address only (guarantee 7), and says
// nothing on it: TCP, and TLS where the URL has it.
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import type { Address } from "../../delivery/address.ts";
import type { Deadline } from "../../delivery/deadline.ts";
import { mayTryNextAddress, readFailure, type Failure } from "../../delivery/failure.ts";
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
  let failure: Failure = { kind: "failure", reason: "connection-failed", code: null };
  for (const { address } of addresses) {
    const outcome = await dialOne(target, address, deadline, ca);
    if (outcome.kind === "connected" || !mayTryNextAddress(outcome)) return outcome;
    failure = outcome;
  }
  return failure;
}

async function dialOne(
  target: Target,
  address: string,
  deadline: Deadline,
  ca: string | undefined,
): Promise<Connected | Failure> {
  const started = performance.now();
  const { promise, resolve } = Promise.withResolvers<Connected | Failure>();
  const onConnected = () =>
    resolve({
      kind: "connected",
      address,
      ms: Math.round(performance.now() - started),
      tls: describeTls(socket),
    });
  const socket = open(target, address, ca, onConnected);
  const fail = (error: unknown) =>
    resolve(
      readFailure(error, deadline.hasPassed) ?? {
        kind: "failure",
        reason: "connection-failed",
        code: null,
      },
    );
  const onAbort = () => fail(null);
  socket.on("error", fail);
  // A receiver that hangs up during the handshake gives no error.
  socket.on("close", () => fail(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
  deadline.signal.addEventListener("abort", onAbort, { once: true });
  const outcome = await promise;
  deadline.signal.removeEventListener("abort", onAbort);
  socket.destroy();
  return outcome;
}

function open(
  { isTls, port, hostname, serverName }: Target,
  host: string,
  ca: string | undefined,
  onConnected: () => void,
): Socket {
  if (!isTls) return connectTcp({ host, port }, onConnected);
  return connectTls(
    { host, port, servername: serverName ?? hostname, ca, rejectUnauthorized: true },
    onConnected,
  );
}

function describeTls(socket: Socket): Connected["tls"] {
  if (!(socket instanceof TLSSocket)) return null;
  return {
    version: socket.getProtocol(),
    certificateEndsAt: new Date(socket.getPeerCertificate().valid_to),
  };
}
