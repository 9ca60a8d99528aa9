// EGRESS_PROXY: requests leave through an HTTP proxy, by CONNECT to the address that the guard
// approved (guarantee 7; RFC 9110 §9.3.6). Behind it a connection is as any other.
import type { Socket } from "node:net";
import type { Deadline } from "./deadline.ts";
import { open, openTls, type Dial } from "./dial.ts";
import { proxyFailure, TIMED_OUT, type Failure } from "./failure.ts";
import { headEnd, readHead } from "./read-head.ts";
import { readTarget } from "./target.ts";

const MAX_HEAD_BYTES = 16 * 1024;

/** An http or https URL; its credentials go to the proxy alone. */
export function createProxyDial(proxyUrl: string, ca?: string): Dial {
  const proxy = readTarget(proxyUrl);
  if (proxy === null) throw new Error("the proxy's address is no URL");
  const { hostname, authorization } = proxy;
  const credentials = authorization === null ? "" : `Proxy-Authorization: ${authorization}\r\n`;

  const openTunnel = async (authority: string, deadline: Deadline): Promise<Socket | Failure> => {
    const socket = await open(proxy, hostname, ca, deadline);
    if ("kind" in socket) return socket === TIMED_OUT ? socket : proxyFailure(socket.code);
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`);
    const refusal = await readRefusal(socket, deadline);
    if (refusal !== null) socket.destroy();
    return refusal ?? socket;
  };

  return async (target, { address, family }, deadline) => {
    const host = family === 6 ? `[${address}]` : address;
    const tunnel = await openTunnel(`${host}:${target.port}`, deadline);
    if ("kind" in tunnel || !target.isTls) return tunnel;
    return openTls({ socket: tunnel, host: address }, target.serverName, ca, deadline);
  };
}

/** Null where the tunnel is open. */
async function readRefusal(socket: Socket, deadline: Deadline): Promise<Failure | null> {
  const { promise, resolve } = Promise.withResolvers<Failure | null>();
  let received = Buffer.alloc(0);
  const onData = (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    const end = headEnd(received, 0, received.length);
    if (end === -1) {
      if (received.length > MAX_HEAD_BYTES) resolve(proxyFailure("head-too-large"));
      return;
    }
    const head = readHead(received.toString("latin1", 0, end));
    if (typeof head === "string") return resolve(proxyFailure(head));
    if (head.status < 200 || head.status > 299) {
      return resolve(proxyFailure(`status-${head.status}`));
    }
    // A receiver says nothing before it is asked: early bytes are the proxy's own.
    resolve(end < received.length ? proxyFailure("malformed-response") : null);
  };
  const onEnd = () => resolve(proxyFailure("ECONNRESET"));
  const onPassed = () => resolve(TIMED_OUT);
  socket.on("data", onData);
  socket.on("error", onEnd);
  socket.on("end", onEnd);
  socket.on("close", onEnd);
  deadline.whenPassed(onPassed);
  const refusal = await promise;
  deadline.forget(onPassed);
  socket.off("data", onData);
  socket.off("end", onEnd);
  socket.off("close", onEnd);
  if (refusal === null) socket.off("error", onEnd);
  return refusal;
}
