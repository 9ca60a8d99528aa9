// A real webhook receiver on 127.0.0.1: records every request in order and answers as told.
import { ArrivalLog } from "./arrival-log.ts";

export interface ReceivedRequest {
  method: string;
  /** Path and query. */
  path: string;
  headers: Headers;
  body: Uint8Array;
  /** The body as UTF-8. */
  text: string;
  /** `Date.now()` when the whole request was in. */
  at: number;
}

export type Respond = (request: ReceivedRequest, index: number) => Response | Promise<Response>;

export interface Receiver {
  url: string;
  port: number;
  requests: readonly ReceivedRequest[];
  /** All requests so far, as soon as there are at least `count`. */
  waitFor(count: number, limit?: { withinMs?: number }): Promise<readonly ReceivedRequest[]>;
  /** Closes the port and every connection, hanging ones too. */
  stop(): Promise<void>;
}

/** What a receiver does that takes the request and never answers. */
export function hang(): Promise<Response> {
  return new Promise(() => {});
}

/** `port` is for a receiver that comes back where an earlier one went away. */
export function startReceiver(
  respond: Respond = () => new Response(null, { status: 204 }),
  { port = 0 }: { port?: number } = {},
): Receiver {
  const arrivals = new ArrivalLog<ReceivedRequest>("requests");

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    // Bun would end a hanging request after 10 s by itself.
    idleTimeout: 0,
    async fetch(request) {
      const received = await record(request);
      const index = arrivals.add(received) - 1;
      try {
        return await respond(received, index);
      } catch (error) {
        // The test's own mistake: it must not look like a receiver that answers 500.
        arrivals.fail(new Error("the receiver's respond() threw", { cause: error }));
        return new Response(null, { status: 500 });
      }
    },
  });
  const boundPort = server.port ?? port;

  return {
    url: `http://127.0.0.1:${boundPort}`,
    port: boundPort,
    requests: arrivals.items,
    waitFor: (count, limit) => arrivals.waitFor(count, limit),
    async stop() {
      await server.stop(true);
    },
  };
}

async function record(request: Request): Promise<ReceivedRequest> {
  const { pathname, search } = new URL(request.url);
  const body = await request.bytes();
  return {
    method: request.method,
    path: pathname + search,
    headers: new Headers(request.headers),
    body,
    text: new TextDecoder().decode(body),
    at: Date.now(),
  };
}
