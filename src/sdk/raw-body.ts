// The bytes that were signed, out of whatever a framework hands to its user. What can no longer be
// verified gets an error that says where to take the raw body from.

/** The body as it came: bytes (a `Buffer` is a `Uint8Array`), or their UTF-8 text. */
export type RawBody = Uint8Array | ArrayBuffer | string;

const HOW = `Take it before anything parses it:
  Express: app.post(path, express.raw({ type: "application/json", limit: "1mb" }), handler), then req.body
  Fastify: addContentTypeParser("application/json", { parseAs: "buffer" }, (_, body, done) => done(null, body)), then request.body
  Hono: await c.req.arrayBuffer()
  Next: await request.text() in a route handler; in pages/api, export const config = { api: { bodyParser: false } } and read the stream`;

/** @throws TypeError for a body that was parsed, or is not there yet. */
export function bytesOf(payload: unknown): Uint8Array {
  if (typeof payload === "string") return new TextEncoder().encode(payload);
  // Not `instanceof`: in a test runner's or worker's own realm the same class is another one.
  if (ArrayBuffer.isView(payload)) {
    return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  }
  if (isArrayBuffer(payload)) return new Uint8Array(payload);
  throw notRaw(kindOf(payload));
}

export const PARSED =
  "what a parser made of it, and JSON that is written again has another signature";

export function notRaw(found: string): TypeError {
  return new TypeError(`The payload must be the raw body; found ${found}. ${HOW}`);
}

function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === "[object ArrayBuffer]";
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value !== "object") return `a ${typeof value}`;
  if ("then" in value) return "a promise, which needs an await";
  if ("getReader" in value || "pipe" in value || "arrayBuffer" in value) {
    return "something whose body has not been read";
  }
  return PARSED;
}
