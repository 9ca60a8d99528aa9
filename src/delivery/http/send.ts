// Sends one request to an address that the guard approved, and says what came back as a value.
// By sockets of its own: fetch costs a third more of a delivery, holds up to 1 MiB of a head that does
// not end, and keeps no more than 64 connections of a kind (measured).
import { faultPoint } from "../../fault-point.ts";
import type { Address } from "../guard/address.ts";
import { type Answer } from "./answer.ts";
import { Connection } from "./connection.ts";
import { ConnectionPool } from "./pool.ts";
import { Connector } from "./connector.ts";
import { responsiveNow, type Deadline } from "../../deadline.ts";
import { createDial } from "./dial.ts";
import { createProxyDial } from "./dial-by-proxy.ts";
import type { Target } from "../guard/target.ts";
import { requestHead } from "./request.ts";

export interface SendRequest {
  target: Target;
  /** As the guard approved them; nothing else is dialled (guarantee 7). */
  addresses: readonly Address[];
  /** Every header but Host, which is added to it. */
  headers: Record<string, string>;
  /** The bytes that were signed (guarantee 4). */
  body: Uint8Array<ArrayBuffer>;
  /** Over everything. `drained` clears it after a response, the caller after a failure. */
  deadline: Deadline;
}

export type Send = (request: SendRequest) => Promise<Answer>;

export interface SenderOptions {
  /** EGRESS_CA: certificate authorities as PEM, beside the system's. */
  ca?: string;
  /** EGRESS_PROXY: an http or https URL, credentials in it. It dials the approved address for us. */
  proxy?: string;
  /** Milliseconds on a clock that never goes back, by which round trips are measured. */
  now?: () => number;
}

/** Before a request can be written: TCP's round trip, and at least one for TLS (RFC 8446 §2). */
const ROUND_TRIPS_TO_OPEN = { tcp: 1, tls: 2 };

/** @throws Error (of Send) where a header cannot be sent: none of the remote's doing. */
export function createSender({ ca, proxy, now = responsiveNow }: SenderOptions = {}): Send {
  const connector = new Connector(
    proxy === undefined ? createDial(ca) : createProxyDial(proxy, ca),
    now,
  );
  const connections = new ConnectionPool();
  const onFree = (connection: Connection) => connections.keep(connection);
  const onClosed = (connection: Connection) => connections.forget(connection);

  /** A free connection to an address that is approved for this attempt too (guarantee 7). */
  function takeFree(target: Target, addresses: readonly Address[]): Reused | null {
    for (const address of connector.order(target, addresses)) {
      if (connector.isDoubtful(target, address, addresses)) continue;
      const connection = connections.take(keyOf(target, address));
      if (connection !== null) return { connection, address };
    }
    return null;
  }

  return async ({ target, addresses, headers, body, deadline }) => {
    const head = requestHead(target, headers, body.byteLength);
    const report = (address: Address, answer: Answer): Answer => {
      if (addresses.length > 1) reportTo(connector, target, address, answer);
      return answer;
    };
    const reused = takeFree(target, addresses);
    if (reused !== null) {
      const { connection, address } = reused;
      const answer = await exchange(connection, head, body, deadline);
      // Else once more, on a new connection, within the same attempt.
      if (!connection.wasIdle) return report(address, answer);
    }
    const connected = await connector.connect(target, addresses, deadline);
    if ("kind" in connected) return connected;
    const { socket, address, openedInMs } = connected;
    const roundTripMs = openedInMs / ROUND_TRIPS_TO_OPEN[target.isTls ? "tls" : "tcp"];
    const key = keyOf(target, address);
    const connection = new Connection(socket, { key, roundTripMs, now, onFree, onClosed });
    return report(address, await exchange(connection, head, body, deadline));
  };
}

interface Reused {
  connection: Connection;
  address: Address;
}

function keyOf({ port, isTls, serverName }: Target, { address }: Address): string {
  return `${address} ${port} ${isTls ? "tls" : "tcp"} ${serverName ?? ""}`;
}

/** An address that accepts connections but does not answer is not the one to begin with next time. */
function reportTo(connector: Connector, target: Target, address: Address, answer: Answer): void {
  if (answer.kind === "response") connector.report(target, address, "answered");
  else if (answer.reason !== "bad-response") connector.report(target, address, "failed");
}

function exchange(
  connection: Connection,
  head: string,
  body: Uint8Array,
  deadline: Deadline,
): Promise<Answer> {
  const answering = connection.post(head, body, deadline);
  faultPoint("sent");
  return answering;
}
