// `fluxhook/hono`: a middleware that accepts only genuine webhooks. It does not import Hono: this file
// declares what it uses of Hono's context.
import { bytesOf, notRaw, PARSED } from "./raw-body.ts";
import { joined, maxBodyBytes, received, type ReceiveOptions } from "./receive.ts";
import { TOO_LARGE, UNAUTHORIZED, type Refusal } from "./refusal.ts";
import type { WebhookEvent } from "./webhook-events.ts";

/** The parts of Hono's `Context` that the middleware uses. */
export interface HonoContext {
  req: {
    raw: Request;
    /** What earlier middlewares have read. */
    bodyCache: object;
    param(name: string): string | undefined;
  };
  set(key: string, value: unknown): void;
}

/** For `new Hono<{ Variables: WebhookVariables<FluxdropEvent> }>()`. */
export interface WebhookVariables<Event extends object = WebhookEvent> {
  event: Event;
  /** The body as received. */
  rawBody: Uint8Array;
}

/**
 * Answers 401 to requests that Fluxhook did not send and 413 to bodies that are too large. Otherwise it
 * puts the event into `c.get("event")` and the bytes into `c.get("rawBody")`; `c.req.json()` still works.
 *
 * ```ts
 * import { Hono } from "hono";
 * import { receiveWebhook, type WebhookVariables } from "fluxhook/hono";
 * import type { FluxdropEvent } from "fluxhook";
 *
 * const app = new Hono<{ Variables: WebhookVariables<FluxdropEvent> }>();
 * app.post("/hooks", receiveWebhook({ secret }), (c) => {
 *   console.log(c.get("event").event);
 *   return c.body(null, 204);
 * });
 * ```
 *
 * @throws {TypeError} For a request: there is no secret, or another middleware has parsed the body.
 */
export function receiveWebhook(
  options: ReceiveOptions<HonoContext>,
): (c: HonoContext, next: () => Promise<void>) => Promise<Response | void> {
  return async (c, next) => {
    const body = await rawBody(c, maxBodyBytes(options));
    if (body === null) return answer(TOO_LARGE);
    const event = await received(options, c, body, c.req.raw.headers);
    if (event === null) return answer(UNAUTHORIZED);
    c.set("event", event);
    c.set("rawBody", body);
    return next();
  };
}

function answer({ status, headers, body }: Refusal): Response {
  return new Response(body, { status, headers });
}

/** Returns null if the body is too large. */
async function rawBody({ req }: HonoContext, maxBytes: number): Promise<Uint8Array | null> {
  const cached = await bytesAlreadyRead(req.bodyCache);
  if (cached !== null) return cached.length > maxBytes ? null : cached;
  // Hono would serialize the parsed JSON again, and the bytes would differ from those that were signed.
  if (req.raw.bodyUsed) throw notRaw(PARSED);
  if (req.raw.body === null) return new Uint8Array();
  const body = await bounded(req.raw.body, maxBytes);
  // Replaces the request whose body was read: `c.req.json()` and others read this one.
  if (body !== null) req.raw = new Request(req.raw, { method: req.raw.method, body });
  return body;
}

/** Returns the bytes that an earlier middleware has read and not parsed, or null. */
async function bytesAlreadyRead(cache: {
  arrayBuffer?: Promise<ArrayBuffer>;
  text?: Promise<string>;
  blob?: Promise<Blob>;
}): Promise<Uint8Array | null> {
  const { arrayBuffer, text, blob } = cache;
  const kept = await (arrayBuffer ?? text ?? blob?.then((one) => one.arrayBuffer()));
  return kept === undefined ? null : bytesOf(kept);
}

/** Counts the bytes that arrive, because Content-Length may be missing. */
async function bounded(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  for (;;) {
    const read = await reader.read();
    if (read.value === undefined) return joined(chunks, size);
    size += read.value.length;
    if (size > maxBytes) {
      await reader.cancel();
      return null;
    }
    chunks.push(read.value);
  }
}
