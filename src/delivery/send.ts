// Sends one request to an address that the guard approved, and says what came back as a value.
// Bun's manual, "Connecting to a specific address", is where the shape of the request comes from.
import type { Address } from "./address.ts";
import type { Deadline } from "./deadline.ts";
import { faultPoint } from "../fault-point.ts";
import { drain, type Drained } from "./drain.ts";
import { mayTryNextAddress, readFailure, type Failure } from "./failure.ts";
import { readProxy } from "./proxy-tunnel.ts";
import { dialUrl, type Target } from "./target.ts";

export interface ResponseHead {
  kind: "response";
  status: number;
  retryAfter: string | null;
  /** Resolves when the connection's slot is free again; never rejects. */
  drained: Drained;
}

export type Answer = ResponseHead | Failure;

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
  /** Certificate authorities in place of the system's, as PEM. */
  ca?: string;
  /** EGRESS_PROXY: an http or https URL, credentials in it. It dials the approved address for us. */
  proxy?: string;
}

export function createSender({ ca, proxy }: SenderOptions = {}): Send {
  const via = proxy === undefined ? null : readProxy(proxy, ca);
  return async (request) => {
    const { target, addresses, headers, body, deadline } = request;
    const { signal } = deadline;
    headers.Host = target.hostHeader;
    const init: BunFetchRequestInit = {
      method: "POST",
      headers,
      body,
      signal,
      // Never left out: the environment's proxy would be dialled in place of the approved address.
      proxy: via?.fetchOption ?? false,
      // A redirect names an address that nobody judged.
      redirect: "manual",
      // A body of 300 KB can unpack to 300 MB; nobody reads it anyway.
      decompress: false,
    };
    if (target.isTls) {
      // Said aloud, for NODE_TLS_REJECT_UNAUTHORIZED=0 would switch it off for all receivers.
      init.tls = { serverName: target.serverName ?? undefined, ca, rejectUnauthorized: true };
    }

    for (let tried = 1; ; tried++) {
      const address = addresses[(request.startAt + tried - 1) % addresses.length];
      if (address === undefined) throw new Error("send was called without an approved address");
      try {
        // Fetch holds up to 1 MiB of a head that does not end, and has no setting for it
        // (oven-sh/bun#20488): what an attempt may cost in memory, as long as its deadline.
        const url = dialUrl(target, address);
        const responding =
          via !== null && !target.isTls
            ? via.fetchPlain(url, { headers, body, signal })
            : fetch(url, init);
        faultPoint("sent");
        const response = await responding;
        return await readHead(response, deadline);
      } catch (error) {
        const failure = readFailure(error, deadline.hasPassed, via !== null);
        if (failure === null) throw new Error("fetch refused the request", { cause: error });
        if (tried >= addresses.length || !mayTryNextAddress(failure)) return failure;
      }
    }
  };
}

/** Once the status line and headers are in, the outcome is fixed. */
async function readHead(response: Response, deadline: Deadline): Promise<Answer> {
  const { status, headers } = response;
  // Bun lets a status line of `000` through (RFC 9110 §15: a status code is 100 to 599).
  if (status < 200) {
    await response.body?.cancel();
    return { kind: "failure", reason: "bad-response", code: `status-${status}` };
  }
  const drained = drain(response, deadline);
  return { kind: "response", status, retryAfter: headers.get("retry-after"), drained };
}
