// Sends one request to an address that the guard approved, and says what came back as a value.
// Bun's manual, "Connecting to a specific address", is where the shape of the request comes from.
import type { Address } from "./address.ts";
import type { Deadline } from "./deadline.ts";
import { faultPoint } from "../fault-point.ts";
import { drain, type Drained } from "./drain.ts";
import { mayTryNextAddress, readFailure, type Failure } from "./failure.ts";
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
  /** Every header but Host. */
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
}

export function createSender({ ca }: SenderOptions = {}): Send {
  return async (request) => {
    const { target, addresses, deadline } = request;
    const init: BunFetchRequestInit = {
      method: "POST",
      headers: { ...request.headers, Host: target.hostHeader },
      body: request.body,
      signal: deadline.signal,
      // The environment's proxy would be dialled in place of the approved address.
      proxy: false,
      // A redirect names an address that nobody judged.
      redirect: "manual",
      // A body of 300 KB can unpack to 300 MB; nobody reads it anyway.
      decompress: false,
    };
    if (target.isTls) init.tls = { serverName: target.serverName ?? undefined, ca };

    for (let tried = 1; ; tried++) {
      const address = addresses[(request.startAt + tried - 1) % addresses.length];
      if (address === undefined) throw new Error("send was called without an approved address");
      try {
        const responding = fetch(dialUrl(target, address), init);
        faultPoint("sent");
        const response = await responding;
        return await readHead(response, deadline);
      } catch (error) {
        const failure = readFailure(error, deadline.hasPassed);
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
