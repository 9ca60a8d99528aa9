// `fluxhook/express`: a middleware that accepts only genuine webhooks, for Express and other frameworks
// that pass Node's request and response. This file declares what it uses of the two.
import { bytesOf, notRaw, PARSED } from "./raw-body.ts";
import { joined, maxBodyBytes, received, type ReceiveOptions } from "./receive.ts";
import { TOO_LARGE, UNAUTHORIZED, type Refusal } from "./refusal.ts";
import type { WebhookEvent } from "./webhook-events.ts";

/** The parts of the request that the middleware uses. */
export interface NodeRequest {
  headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly readableDidRead: boolean;
  readonly readableEnded: boolean;
  on(event: string, listener: (value: unknown) => void): unknown;
  off(event: string, listener: (value: unknown) => void): unknown;
  resume(): unknown;
}

/** The parts of the response that the middleware uses. */
export interface NodeResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(text: string): unknown;
}

/** What the middleware adds to the request. */
export interface ReceivedWebhook<Event extends object = WebhookEvent> {
  event: Event;
  /** The body as received. */
  rawBody: Uint8Array;
}

/**
 * Answers 401 to requests that Fluxhook did not send and 413 to bodies that are too large. Otherwise it
 * puts the event into `req.event` and the bytes into `req.rawBody`.
 *
 * ```ts
 * import express from "express";
 * import { eventOf, receiveWebhook } from "fluxhook/express";
 * import type { FluxdropEvent } from "fluxhook";
 *
 * app.post("/hooks", receiveWebhook({ secret }), (req, res) => {
 *   const event = eventOf<FluxdropEvent>(req);
 *   console.log(event.event);
 *   res.sendStatus(204);
 * });
 * app.use(express.json()); // for other routes: after it, because the parser consumes the raw body
 * ```
 *
 * It reads the body if no middleware did, or takes `req.body` from `express.raw()`, or `req.rawBody`
 * from a parser's `verify` option. If only a parsed body is left, it passes a `TypeError` to `next` that
 * says what to change.
 */
export function receiveWebhook<Request extends NodeRequest>(
  options: ReceiveOptions<Request>,
): (req: Request, res: NodeResponse, next: (error?: unknown) => void) => Promise<void> {
  return async (req, res, next) => {
    try {
      const body = await rawBody(req, maxBodyBytes(options));
      if (body === null) return answer(res, TOO_LARGE);
      const event = await received(options, req, body, req.headers);
      if (event === null) return answer(res, UNAUTHORIZED);
      Object.assign(req, { event, rawBody: body } satisfies ReceivedWebhook);
    } catch (error) {
      next(error);
      return;
    }
    next();
  };
}

/**
 * Returns the event that `receiveWebhook` added to the request; Express's types do not include it.
 *
 * @throws {TypeError} The middleware does not run before this handler.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the receiver says which dialect its webhook has
export function eventOf<Event extends object = WebhookEvent>(req: object): Event {
  if ("event" in req && typeof req.event === "object" && req.event !== null) {
    return req.event as Event;
  }
  throw new TypeError("req.event is not there: receiveWebhook must run before this handler");
}

function answer(res: NodeResponse, { status, headers, body }: Refusal): void {
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  // The rest of the body is not read, so the connection cannot be reused.
  if (status === 413) res.setHeader("Connection", "close");
  res.end(body);
}

/** Returns null if the body is too large. */
async function rawBody(req: NodeRequest, maxBytes: number): Promise<Uint8Array | null> {
  const { body, rawBody: kept } = req as { body?: unknown; rawBody?: unknown };
  for (const raw of [kept, body]) {
    if (typeof raw !== "string" && !ArrayBuffer.isView(raw)) continue;
    const bytes = bytesOf(raw);
    return bytes.length > maxBytes ? null : bytes;
  }
  // A parser for another content type leaves the body unread.
  if (req.readableDidRead || req.readableEnded) throw notRaw(PARSED);
  return readBounded(req, maxBytes);
}

/** Not with `for await`: leaving it early destroys the connection, and the sender would not get the 413. */
function readBounded(req: NodeRequest, maxBytes: number): Promise<Uint8Array | null> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const onData = (chunk: unknown) => {
      const bytes = bytesOf(chunk);
      size += bytes.length;
      if (size <= maxBytes) {
        chunks.push(bytes);
        return;
      }
      req.off("data", onData);
      // Drops the rest until the answer has ended the connection.
      req.resume();
      resolve(null);
    };
    req.on("data", onData);
    req.on("end", () => resolve(joined(chunks, size)));
    req.on("error", reject);
    req.on("close", () => reject(new Error("the connection ended before the body did")));
  });
}
