// Takes the signed bytes from the body that a framework provides. For a body that can no longer be
// verified, the error says where to get the raw body.

/** The body as received: bytes (a `Buffer` is a `Uint8Array`), or their UTF-8 text. */
export type RawBody = Uint8Array | ArrayBuffer | string;

const HOW = `Take it before anything parses it:
  Express: app.post(path, express.raw({ type: "application/json", limit: "1mb" }), handler), then req.body
  Fastify: addContentTypeParser("application/json", { parseAs: "buffer" }, (_, body, done) => done(null, body)), then request.body
  Hono: await c.req.arrayBuffer()
  Next: await request.text() in a route handler; in pages/api, export const config = { api: { bodyParser: false } } and read the stream`;

/** @throws TypeError if the body was parsed, or has not been read yet. */
export function bytesOf(payload: unknown): Uint8Array {
  if (typeof payload === "string") return new TextEncoder().encode(payload);
  // Not `instanceof`: another realm (a test runner, a worker) has its own copy of the class.
  if (ArrayBuffer.isView(payload)) {
    return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  }
  if (isArrayBuffer(payload)) return new Uint8Array(payload);
  throw notRaw(kindOf(payload));
}

export const PARSED = "a parsed body; JSON that is serialized again has another signature";

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
