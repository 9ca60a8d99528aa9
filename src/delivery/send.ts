// Sends one request to an address that the guard approved, and says what came back as a value.
// By sockets of its own: fetch costs a third more of a delivery, holds up to 1 MiB of a head that does
// not end, and keeps no more than 64 connections of a kind (measured).
import { faultPoint } from "../fault-point.ts";
import type { Address } from "./address.ts";
import { Connection, type Answer } from "./connection.ts";
import { Connections } from "./connections.ts";
import { responsiveNow, type Deadline } from "./deadline.ts";
import { createDial } from "./dial.ts";
import { mayTryNextAddress, type Failure } from "./failure.ts";
import { createProxyDial } from "./proxy-tunnel.ts";
import type { Target } from "./target.ts";
import { requestHead } from "./request-head.ts";

export interface SendRequest {
  target: Target;
  /** As the guard approved them; nothing else is dialled (guarantee 7). */
  addresses: readonly Address[];
  /** The index of the address to begin with, taken modulo their number. */
  startAt: number;
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
  const dial = proxy === undefined ? createDial(ca) : createProxyDial(proxy, ca);
  const connections = new Connections();
  const onFree = (connection: Connection) => connections.keep(connection);
  const onClosed = (connection: Connection) => connections.forget(connection);

  async function connect(
    key: string,
    target: Target,
    address: Address,
    deadline: Deadline,
  ): Promise<Connection | Failure> {
    const startedAtMs = now();
    const dialled = await dial(target, address, deadline);
    if ("kind" in dialled) return dialled;
    const roundTrips = ROUND_TRIPS_TO_OPEN[target.isTls ? "tls" : "tcp"];
    const roundTripMs = (now() - startedAtMs) / roundTrips;
    return new Connection(dialled, { key, roundTripMs, now, onFree, onClosed });
  }

  return async ({ target, addresses, startAt, headers, body, deadline }) => {
    const head = requestHead(target, headers, body.byteLength);
    for (let tried = 1; ; tried++) {
      const address = addresses[(startAt + tried - 1) % addresses.length];
      if (address === undefined) throw new Error("send was called without an approved address");
      const key = `${address.address} ${target.port} ${target.isTls ? "tls" : "tcp"} ${target.serverName ?? ""}`;
      let connection: Connection | Failure | null = connections.take(key);
      if (connection !== null) {
        const answer = await exchange(connection, head, body, deadline);
        // Else once more, on a new connection, within the same attempt.
        if (!connection.wasIdle) return answer;
      }
      connection = await connect(key, target, address, deadline);
      if (!("kind" in connection)) return exchange(connection, head, body, deadline);
      if (tried >= addresses.length || !mayTryNextAddress(connection)) return connection;
    }
  };
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
