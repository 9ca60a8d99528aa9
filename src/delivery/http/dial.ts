// Opens the connection of an attempt: to exactly the address that the guard approved (guarantee 7), and
// with TLS only if the certificate is valid for the name. No part of a request is sent before that.
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { Address } from "../guard/address.ts";
import { trusting } from "./authorities.ts";
import { socketCode, connectionFailure, TIMED_OUT, type Failure } from "./failure.ts";
import type { RaceLimit } from "./race.ts";
import type { Target } from "../guard/target.ts";

export type Dial = (
  target: Target,
  address: Address,
  limit: RaceLimit,
) => Promise<Socket | Failure>;

/** `ca`: certificate authorities as PEM, in addition to the system's. */
export function createDial(ca?: string): Dial {
  return (target, { address }, limit) => open(target, address, ca, limit);
}

/** Connects to `host`, an approved address or the operator's proxy. */
export function open(
  { isTls, serverName, port }: Target,
  host: string,
  ca: string | undefined,
  limit: RaceLimit,
): Promise<Socket | Failure> {
  return isTls
    ? openTls({ host, port }, serverName, ca, limit)
    : opened(connectTcp({ host, port, noDelay: true }), "connect", limit);
}

/** Without a server name, the certificate must be for `at.host`. */
export function openTls(
  at: ConnectionOptions,
  serverName: string | null,
  ca: string | undefined,
  limit: RaceLimit,
): Promise<Socket | Failure> {
  const socket = connectTls({
    ...at,
    servername: serverName ?? undefined,
    secureContext: trusting(ca),
    ALPNProtocols: ["http/1.1"],
    // Set explicitly: otherwise NODE_TLS_REJECT_UNAUTHORIZED=0 would disable it for every receiver.
    rejectUnauthorized: true,
  });
  socket.setNoDelay(true);
  if (at.socket === undefined) socket.once("connect", () => limit.accepted?.());
  return opened(socket, "secureConnect", limit);
}

async function opened<Kind extends Socket>(
  socket: Kind,
  event: "connect" | "secureConnect",
  limit: RaceLimit,
): Promise<Kind | Failure> {
  const { promise, resolve } = Promise.withResolvers<Kind | Failure>();
  // An idle connection must not keep the process alive.
  socket.unref();
  const onOpen = () => resolve(socket);
  const onError = (error: unknown) => resolve(connectionFailure(socketCode(error)));
  // A receiver that closes during the handshake causes no error.
  const onClose = () => resolve(connectionFailure(null));
  const onPassed = () => resolve(TIMED_OUT);
  socket.once(event, onOpen);
  socket.once("error", onError);
  socket.once("close", onClose);
  limit.whenPassed(onPassed);
  const outcome = await promise;
  limit.forget(onPassed);
  socket.off("close", onClose);
  if (outcome === socket) socket.off("error", onError);
  else {
    // It may raise another error while it is destroyed.
    socket.on("error", () => {});
    socket.destroy();
  }
  return outcome;
}
