// `fluxhook/express`: a middleware that lets only genuine webhooks through, for Express and whatever
// else hands on Node's request and response. What is used of the two is declared here.
import { bytesOf, notRaw, PARSED } from "./raw-body.ts";
import { joined, maxBodyBytes, received, type ReceiveOptions } from "./receive.ts";
import { TOO_LARGE, UNAUTHORIZED, type Refusal } from "./refusal.ts";
import type { WebhookEvent } from "./webhook-events.ts";

/** What is used of the request. */
export interface NodeRequest {
  headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly readableDidRead: boolean;
  readonly readableEnded: boolean;
  on(event: string, listener: (value: unknown) => void): unknown;
  off(event: string, listener: (value: unknown) => void): unknown;
  resume(): unknown;
}

/** What is used of the response. */
export interface NodeResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(text: string): unknown;
}

/** What the middleware leaves on the request. */
export interface ReceivedWebhook<Event extends object = WebhookEvent> {
  event: Event;
  /** The body as it came. */
  rawBody: Uint8Array;
}

/**
 * Answers 401 to what Fluxhook did not send, 413 to what is too large, and otherwise leaves the
 * event in `req.event` and the bytes in `req.rawBody`.
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
 * app.use(express.json()); // for the other routes: behind it, or the raw body is gone
 * ```
 *
 * It reads the body where nothing has, takes what `express.raw()` left in `req.body`, or what a
 * parser's `verify` option left in `req.rawBody`. Where only the parsed body is left, it hands a
 * `TypeError` to `next` that says what to change.
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
 * The event that `receiveWebhook` left on the request, which Express's types know nothing of.
 *
 * @throws {TypeError} The middleware does not stand before this handler.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the receiver says which dialect its webhook has
export function eventOf<Event extends object = WebhookEvent>(req: object): Event {
  if ("event" in req && typeof req.event === "object" && req.event !== null) {
    return req.event as Event;
  }
  throw new TypeError("req.event is not there: receiveWebhook must stand before this handler");
}

function answer(res: NodeResponse, { status, headers, body }: Refusal): void {
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  // What is left of the body is not read, so the connection cannot be used again.
  if (status === 413) res.setHeader("Connection", "close");
  res.end(body);
}

/** Null: too large. */
async function rawBody(req: NodeRequest, maxBytes: number): Promise<Uint8Array | null> {
  const { body, rawBody: kept } = req as { body?: unknown; rawBody?: unknown };
  for (const raw of [kept, body]) {
    if (typeof raw !== "string" && !ArrayBuffer.isView(raw)) continue;
    const bytes = bytesOf(raw);
    return bytes.length > maxBytes ? null : bytes;
  }
  // A parser that was not asked for this type of body has left it unread.
  if (req.readableDidRead || req.readableEnded) throw notRaw(PARSED);
  return readBounded(req, maxBytes);
}

/** Not by `for await`: leaving it early destroys the connection, and nobody would get the 413. */
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
      // The rest goes by unkept until the answer has ended the connection.
      req.resume();
      resolve(null);
    };
    req.on("data", onData);
    req.on("end", () => resolve(joined(chunks, size)));
    req.on("error", reject);
    req.on("close", () => reject(new Error("the connection ended before the body did")));
  });
}
