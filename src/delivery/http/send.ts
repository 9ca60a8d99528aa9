// Sends one request to an address that the guard approved and returns the answer as a value. It uses
// sockets and not `fetch`, which is slower, holds up to 1 MiB of an endless head, and keeps at most 64
// connections (measured: docs/decisions/8-http-client.md).
import { faultPoint } from "../../fault-point.ts";
import type { Address } from "../guard/address.ts";
import { type Answer } from "./answer.ts";
import { Connection } from "./connection.ts";
import { ConnectionPool } from "./pool.ts";
import { Connector } from "./connector.ts";
import { responsiveNow, type Deadline } from "../../deadline.ts";
import type { Failure } from "./failure.ts";
import { createDial } from "./dial.ts";
import { createProxyDial } from "./dial-by-proxy.ts";
import type { Target } from "../guard/target.ts";
import { peerCertificate } from "./peer-certificate.ts";
import { requestHead } from "./request.ts";
import { KEEP_NOTHING, type Reading } from "./response-reader.ts";
import type { Transcript } from "./transcript.ts";

export interface SendRequest {
  target: Target;
  /** Approved by the guard; no other address is dialled (guarantee 7). */
  addresses: readonly Address[];
  /** Every header except those that frame the message (request.ts). */
  headers: Record<string, string>;
  /** The bytes that were signed (guarantee 4). */
  body: Uint8Array<ArrayBuffer>;
  /** POST if missing. */
  method?: string;
  /** Answer when the body has ended, with head and body; a body of more bytes is cut off. */
  keepBytes?: number;
  /** Covers everything. It is cleared at `drained` after a response, by the caller after a failure. */
  deadline: Deadline;
  /** Gets what is sent and answered; null if nobody will ask. */
  transcript?: Transcript | null;
}

export type Send = (request: SendRequest) => Promise<Answer>;

/** Counts connections that a request was sent on. */
export interface ConnectionCounts {
  new: number;
  reused: number;
}

export interface SenderOptions {
  /** EGRESS_CA: certificate authorities as PEM, in addition to the system's. */
  ca?: string;
  /** EGRESS_PROXY: an http or https URL that may have credentials. The proxy dials the approved address. */
  proxy?: string;
  /** Monotonic milliseconds, for round-trip times. */
  now?: () => number;
  connections?: ConnectionCounts;
}

/** Round trips before a request can be written: one for TCP, at least one more for TLS (RFC 8446 §2). */
const ROUND_TRIPS_TO_OPEN = { tcp: 1, tls: 2 };

/** The returned function throws a TypeError if a header cannot be sent; the receiver causes no error. */
export function createSender({
  ca,
  proxy,
  now = responsiveNow,
  connections: counts,
}: SenderOptions = {}): Send {
  const connector = new Connector(
    proxy === undefined ? createDial(ca) : createProxyDial(proxy, ca),
    now,
  );
  const connections = new ConnectionPool();
  const onFree = (connection: Connection) => connections.keep(connection);
  const onClosed = (connection: Connection) => connections.forget(connection);

  /** Takes a free connection to an address that is approved for this attempt too (guarantee 7). */
  function takeFree(target: Target, addresses: readonly Address[]): Reused | null {
    for (const address of connector.order(target, addresses)) {
      if (connector.isDoubtful(target, address, addresses)) continue;
      const connection = connections.take(keyOf(target, address));
      if (connection !== null) return { connection, address };
    }
    return null;
  }

  return async (request) => {
    const { target, addresses, headers, body, deadline, transcript = null } = request;
    const { method = "POST", keepBytes = 0 } = request;
    const head = requestHead(target, headers, body.byteLength, method);
    const reading = keepBytes === 0 ? KEEP_NOTHING : { keepBytes, isHead: method === "HEAD" };
    const exchanged = { head, body, deadline, transcript, reading };
    const report = (address: Address, answer: Answer): Answer => {
      if (addresses.length > 1) reportTo(connector, target, address, answer);
      return answer;
    };
    const reused = takeFree(target, addresses);
    if (reused !== null) {
      const { connection, address } = reused;
      if (counts) counts.reused += 1;
      const answer = await exchange(connection, exchanged);
      // If it was idle, the request is sent once more on a new connection, within the same attempt.
      if (!connection.wasIdle) return report(address, answer);
    }
    const beganMs = transcript === null ? 0 : now();
    const connected = await connector.connect(target, addresses, deadline, transcript);
    if (transcript !== null) transcript.connectMs = now() - beganMs - (transcript.tlsMs ?? 0);
    if ("kind" in connected) {
      // Through a proxy there is no other way to the receiver.
      if (proxy === undefined) lookAtCertificate(connected, target, addresses, transcript);
      return connected;
    }
    if (counts) counts.new += 1;
    const { socket, address, openedInMs } = connected;
    const roundTripMs = openedInMs / ROUND_TRIPS_TO_OPEN[target.isTls ? "tls" : "tcp"];
    const key = keyOf(target, address);
    const connection = new Connection(socket, { key, roundTripMs, now, onFree, onClosed });
    return report(address, await exchange(connection, exchanged));
  };
}

/** Begins to look at the certificate that was not accepted; the attempt does not wait for it. */
function lookAtCertificate(
  { reason }: Failure,
  target: Target,
  [first]: readonly Address[],
  transcript: Transcript | null,
): void {
  if (transcript === null || first === undefined || !CERTIFICATE_REASONS.has(reason)) return;
  transcript.whenComplete = peerCertificate(target, first).then((found) => {
    transcript.certificate = found;
  });
}

const CERTIFICATE_REASONS: ReadonlySet<string> = new Set([
  "tls-expired",
  "tls-untrusted",
  "tls-wrong-name",
]);

interface Reused {
  connection: Connection;
  address: Address;
}

function keyOf({ port, isTls, serverName }: Target, { address }: Address): string {
  return `${address} ${port} ${isTls ? "tls" : "tcp"} ${serverName ?? ""}`;
}

/** Records the result, so that the next attempt does not start with an address that does not answer. */
function reportTo(connector: Connector, target: Target, address: Address, answer: Answer): void {
  if (answer.kind === "response") connector.report(target, address, "answered");
  else if (answer.reason !== "bad-response") connector.report(target, address, "failed");
}

interface Exchange extends Pick<SendRequest, "body" | "deadline"> {
  head: string;
  transcript: Transcript | null;
  reading: Reading;
}

function exchange(
  connection: Connection,
  { head, body, deadline, transcript, reading }: Exchange,
): Promise<Answer> {
  const answering = connection.post(head, body, deadline, transcript, reading);
  faultPoint("sent");
  return answering;
}
