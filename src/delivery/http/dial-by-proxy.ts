// EGRESS_PROXY: opens connections through an HTTP proxy, by CONNECT to the address that the guard
// approved (guarantee 7; RFC 9110 §9.3.6).
import type { Socket } from "node:net";
import { Connector } from "./connector.ts";
import { EXPIRED, type Limit } from "../../deadline.ts";
import { createDial, openTls, type Dial } from "./dial.ts";
import { proxyFailure, tunnelRefused, type Failure } from "./failure.ts";
import { readConnectAnswer } from "./read-connect-answer.ts";
import { createResolver, type Resolve } from "../guard/resolve.ts";
import { readTarget, type Target } from "../guard/target.ts";

/** A proxy that answered a CONNECT within this time works, so a missing answer is the receiver's fault. */
const PROXY_WORKS_MS = 60_000;

export interface ProxyDeps {
  /** Monotonic milliseconds. */
  nowMs?: () => number;
  /** Resolves the proxy's own name. */
  resolve?: Resolve;
}

/** Takes an http or https URL. Its credentials are sent to the proxy only. */
export function createProxyDial(
  proxyUrl: string,
  ca?: string,
  // The operator chose the proxy's name, so DNS_SERVERS are not asked for it.
  { nowMs = () => performance.now(), resolve = createResolver() }: ProxyDeps = {},
): Dial {
  const proxy = readTarget(proxyUrl);
  if (proxy === null) throw new Error("the proxy's address is no URL");
  const { authorization } = proxy;
  const credentials = authorization === null ? "" : `Proxy-Authorization: ${authorization}\r\n`;
  const connectToProxy = createProxyConnect(proxy, resolve, ca);
  let answeredAtMs = Number.NEGATIVE_INFINITY;

  async function openTunnel(authority: string, limit: Limit): Promise<Socket | Failure> {
    const socket = await connectToProxy(limit);
    if ("kind" in socket) return socket;
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`);
    const answer = await readConnectAnswer(socket, limit);
    if (answer.kind === "status") {
      answeredAtMs = nowMs();
      if (answer.status < 300) return socket;
    }
    socket.destroy();
    switch (answer.kind) {
      case "status":
        return tunnelRefused(answer.status);
      case "broken":
        return proxyFailure(answer.code);
      case "none": {
        const isOurs = nowMs() - answeredAtMs > PROXY_WORKS_MS;
        return { kind: "failure", reason: "proxy-timeout", code: null, isOurs };
      }
    }
  }

  return async (target, { address, family }, limit) => {
    const host = family === 6 ? `[${address}]` : address;
    const tunnel = await openTunnel(`${host}:${target.port}`, limit);
    if ("kind" in tunnel || !target.isTls) return tunnel;
    limit.accepted?.();
    return openTls({ socket: tunnel, host: address }, target.serverName, ca, limit);
  };
}

/** Connects to the proxy itself. If its name has several addresses, they are raced too. */
function createProxyConnect(
  proxy: Target,
  resolve: Resolve,
  ca: string | undefined,
): (limit: Limit) => Promise<Socket | Failure> {
  const connector = new Connector(createDial(ca));

  return async (limit) => {
    const resolution = proxy.literal
      ? ({ kind: "resolved", addresses: [proxy.literal] } as const)
      : await resolve(proxy.hostname, limit);
    if (resolution === EXPIRED) return proxyFailure("ETIMEDOUT");
    if (resolution.kind === "unresolved") return proxyFailure(resolution.code);
    const connected = await connector.connect(proxy, resolution.addresses, limit);
    if (!("kind" in connected)) return connected.socket;
    return proxyFailure(connected.reason === "timeout" ? "ETIMEDOUT" : connected.code);
  };
}
