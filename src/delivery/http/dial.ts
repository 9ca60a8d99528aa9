// Opens the connection of an attempt: to the very address that the guard approved (guarantee 7), and
// with TLS only to whom the certificate proves to be the name. Nothing of a request is sent before.
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

/** `ca`: certificate authorities as PEM, beside the system's. */
export function createDial(ca?: string): Dial {
  return (target, { address }, limit) => open(target, address, ca, limit);
}

/** `host` is an approved address, or the operator's own proxy. */
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

/** Without a name the certificate has to be for `at.host`. */
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
    // Said aloud, for NODE_TLS_REJECT_UNAUTHORIZED=0 would switch it off for all receivers.
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
  // A process that has nothing else to do need not wait for connections that nobody uses.
  socket.unref();
  const onOpen = () => resolve(socket);
  const onError = (error: unknown) => resolve(connectionFailure(socketCode(error)));
  // One that hangs up during the handshake gives no error.
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
    // It may fail once more while it is taken down.
    socket.on("error", () => {});
    socket.destroy();
  }
  return outcome;
}
