// EGRESS_PROXY: requests leave through an HTTP proxy, by CONNECT to the address that the guard
// approved (guarantee 7). fetch does so for https by itself; for plain http it is done here.
import { request as requestPlain, type IncomingMessage } from "node:http";
import { request as requestTls } from "node:https";
import { Readable, type Duplex } from "node:stream";
import { TUNNEL_REFUSED } from "./failure.ts";
import { readTarget } from "./target.ts";

export interface EgressProxy {
  /** What makes fetch tunnel an https request; NO_PROXY has no say in it. */
  fetchOption: { url: string; headers: Record<string, string>; respectNoProxy: false };
  /**
   * As fetch, for plain http. Fetch's own request to the proxy would name the address, and a proxy
   * makes that the Host (RFC 9112 §3.2.2): the receiver would not know which of its names is meant.
   * Each request has a tunnel of its own.
   */
  fetchPlain(url: string, request: PlainRequest): Promise<Response>;
}

export interface PlainRequest {
  headers: Record<string, string>;
  body: Uint8Array;
  signal: AbortSignal;
}

/** The proxy could not be dialled, or opened no tunnel: the receiver has seen nothing. */
class TunnelError extends Error {
  readonly code = TUNNEL_REFUSED;

  constructor(
    readonly status: number | null,
    options?: ErrorOptions,
  ) {
    super("the proxy opened no tunnel", options);
    this.name = "TunnelError";
  }
}

/** An http or https URL; its credentials go to the proxy alone. */
export function readProxy(proxyUrl: string, ca?: string): EgressProxy {
  const proxy = readTarget(proxyUrl);
  if (proxy === null) throw new Error("the proxy's address is no URL");
  const { protocol, isTls, hostname, hostHeader, port, authorization } = proxy;
  const credentials: Record<string, string> =
    authorization === null ? {} : { "Proxy-Authorization": authorization };

  /** `authority` is the approved address with its port. */
  function openTunnel(authority: string, signal: AbortSignal): Promise<Duplex> {
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
    const connecting = (isTls ? requestTls : requestPlain)({
      host: hostname,
      port,
      method: "CONNECT",
      path: authority,
      headers: { Host: authority, ...credentials },
      agent: false,
      signal,
      ca,
      rejectUnauthorized: true,
    });
    connecting.on("error", (cause) => reject(new TunnelError(null, { cause })));
    connecting.on("connect", (answer, socket, early) => {
      const status = answer.statusCode ?? 0;
      // A receiver says nothing before it is asked: early bytes are the proxy's own.
      if (status >= 200 && status < 300 && early.length === 0) return resolve(socket);
      socket.destroy();
      reject(new TunnelError(status));
    });
    connecting.end();
    return promise;
  }

  return {
    fetchOption: {
      url: `${protocol}//${hostHeader}`,
      headers: credentials,
      respectNoProxy: false,
    },
    async fetchPlain(url, request) {
      const at = new URL(url);
      const headers = framedHeaders(request);
      const tunnel = await openTunnel(`${at.hostname}:${at.port || 80}`, request.signal);
      return post(tunnel, at.pathname + at.search, { ...request, headers });
    },
  };
}

/** Throws where a header cannot be sent, as fetch does. */
function framedHeaders({ headers, body }: PlainRequest): Record<string, string> {
  const framed = new Headers(headers);
  // Unlike fetch, node:http sends a given length as it is.
  framed.set("content-length", String(body.byteLength));
  framed.set("connection", "close");
  return framed.toJSON();
}

function post(
  tunnel: Duplex,
  path: string,
  { headers, body, signal }: PlainRequest,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const requesting = requestPlain({
    createConnection: () => tunnel,
    method: "POST",
    path,
    headers,
    setHost: false,
    signal,
  });
  const refuse = (error: unknown) => {
    tunnel.destroy();
    reject(error);
  };
  requesting.on("error", refuse);
  requesting.on("upgrade", () => refuse(codedError("UnrequestedUpgrade")));
  requesting.on("response", (message) => {
    const response = toResponse(message, tunnel);
    if (response === null) refuse(codedError("Malformed_HTTP_Response"));
    else resolve(response);
  });
  requesting.end(body);
  return promise;
}

/** Null for a status that a Response cannot have. The tunnel ends with the body. */
function toResponse(message: IncomingMessage, tunnel: Duplex): Response | null {
  const status = message.statusCode ?? 0;
  if (status < 200 || status > 599) return null;
  const length = message.headers["content-length"];
  const retryAfter = message.headers["retry-after"];
  // Only what is read of an answer.
  const headers = new Headers();
  if (length !== undefined) headers.set("content-length", length);
  if (retryAfter !== undefined) headers.set("retry-after", retryAfter);
  if (status === 204 || status === 205 || status === 304 || length === "0") {
    tunnel.destroy();
    return new Response(null, { status, headers });
  }
  return new Response(Readable.toWeb(message), { status, headers });
}

/** With one of fetch's codes, as `failure.ts` reads them. */
function codedError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
