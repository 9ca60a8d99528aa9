// The messages between `fluxhook listen` and the service: a session, the requests that wait in it, and
// their responses. Bodies are base64 in JSON, because they may be any bytes.
import { z } from "zod";
import { DIALECT_NAMES } from "./dialects/registry.ts";
import { ownerIdSchema } from "./owner.ts";
import { webhookCreateSchema } from "./webhook.ts";

/** The scheme of a temporary webhook's url. Only the service makes one: users' urls cannot have it. */
export const LISTEN_SCHEME = "fluxhook-listen:";

/** The client sends a request at least this often, and the service answers within this time. */
export const HEARTBEAT_MS = 5_000;
/** A client silent for this long counts as disconnected. */
export const AWAY_AFTER_MS = 15_000;
/** How long an undelivered request is kept. */
export const KEPT_MS = 60_000;
/** How long a request waits for the local server. */
export const ANSWER_WITHIN_MS = 30_000;
/** Limit for the body of a request, and of its response. */
export const MAX_BODY_BYTES = 5 * 1024 * 1024;
/** Maximum number of requests in one answer to the client. */
export const MAX_REQUESTS_PER_BATCH = 100;

export function listenUrl(session: string): string {
  return `${LISTEN_SCHEME}//${session}`;
}

/** RFC 9110 §7.6.1, and the headers that each side sets for its own connection. */
const HOP_BY_HOP = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Returns the end-to-end headers. `Connection` may name further hop-by-hop ones. */
export function endToEnd(headers: Iterable<readonly [string, string]>): ListenHeader[] {
  const all = [...headers].map(([name, value]) => ({ name, value }));
  const named = all
    .filter(({ name }) => name.toLowerCase() === "connection")
    .flatMap(({ value }) => value.toLowerCase().split(","))
    .map((name) => name.trim());
  const dropped = new Set([...HOP_BY_HOP, ...named]);
  return all.filter(({ name }) => !dropped.has(name.toLowerCase()));
}

const headerSchema = z.strictObject({
  // RFC 9110 §5.1 and §5.5: an invalid header would make an invalid response.
  name: z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/, { error: "is not a header name" }),
  value: z
    .string()
    .max(16_384)
    .regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, { error: "is not a header value" }),
});
export type ListenHeader = z.infer<typeof headerSchema>;

export const listenIdSchema = z
  .string()
  .regex(/^\d{1,15}-\d{1,15}$/, { error: "is not the id of a request" })
  .meta({ example: "1763704702000-0" });

export const listenCreateSchema = z
  .strictObject({
    user_id: ownerIdSchema.optional(),
    org_id: ownerIdSchema.optional(),
    events: webhookCreateSchema.shape.events,
    dialect: z.enum(DIALECT_NAMES).default("fluxdrop"),
  })
  .refine((input) => input.user_id === undefined || input.org_id === undefined, {
    error: "give either user_id or org_id",
    path: ["user_id"],
  })
  .meta({ id: "ListenCreate", not: { required: ["user_id", "org_id"] } });
export type ListenCreate = z.input<typeof listenCreateSchema>;

export const listenSessionSchema = z
  .object({
    session: z
      .string()
      .describe(
        "its name in the routes below /v1/listen; not a secret, because these need a token",
      ),
    token: z.string().describe("the last part of `url`; anyone who knows it can send to it"),
    url: z
      .string()
      .describe("requests to this URL, with any method and any path below it, are forwarded"),
    webhook_id: z.string().nullable().describe("the temporary webhook; null if no owner is named"),
    secret: z.string().nullable().describe("signs the requests of the temporary webhook"),
    expires_in_s: z
      .int()
      .describe("the session ends after this many seconds without a request of the client"),
  })
  .meta({ id: "ListenSession" });
export type ListenSession = z.infer<typeof listenSessionSchema>;

export const listenRequestSchema = z
  .object({
    id: listenIdSchema,
    source: z
      .enum(["caller", "delivery"])
      .describe("a request to the URL, or a delivery of Fluxhook"),
    method: z.string(),
    path: z.string().describe("the path below the URL, with the query; may be empty"),
    headers: z.array(z.object({ name: z.string(), value: z.string() })),
    body: z.string().describe("base64"),
  })
  .meta({ id: "ListenRequest" });
export type ListenRequest = z.infer<typeof listenRequestSchema>;

export const listenBatchSchema = z
  .object({
    requests: z.array(listenRequestSchema).describe("the oldest first"),
    expired: z.int().describe("requests of this session that waited too long and were dropped"),
  })
  .meta({ id: "ListenBatch" });
export type ListenBatch = z.infer<typeof listenBatchSchema>;

const MAX_BASE64_LENGTH = Math.ceil(MAX_BODY_BYTES / 3) * 4;

export const listenAnswerSchema = z
  .strictObject({
    id: listenIdSchema,
    status: z.int().min(200).max(599),
    headers: z.array(headerSchema).max(200),
    body: z
      .string()
      .max(MAX_BASE64_LENGTH, { error: `holds more than ${MAX_BODY_BYTES} bytes` })
      .regex(/^[A-Za-z0-9+/]*={0,2}$/, { error: "is not base64" })
      .describe("base64, at most 5 MiB decoded"),
  })
  .meta({ id: "ListenAnswer" });
export type ListenAnswer = z.infer<typeof listenAnswerSchema>;
