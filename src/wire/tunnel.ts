// What `fluxhook listen` and the service say to each other: a session, the requests that wait in it,
// their answers. Bodies are base64 in JSON, for they may be any bytes.
import { z } from "zod";
import { DIALECT_NAMES } from "./dialects/registry.ts";
import { ownerIdSchema } from "./owner.ts";
import { webhookCreateSchema } from "./webhook.ts";

/** The url of a temporary webhook. Only the service makes one: no user's url may have this scheme. */
export const LISTEN_SCHEME = "fluxhook-listen:";

/** Both ways: the client asks at least so often, and is answered at least so often. */
export const HEARTBEAT_MS = 5_000;
/** Whoever was not heard for so long is away. */
export const AWAY_AFTER_MS = 15_000;
/** What came in is kept for so long. */
export const KEPT_MS = 60_000;
/** The local server's answer is waited for so long. */
export const ANSWER_WITHIN_MS = 30_000;
/** Of a request, and of its answer. */
export const MAX_BODY_BYTES = 5 * 1024 * 1024;
/** Requests handed to the client at once. */
export const MAX_REQUESTS_PER_BATCH = 100;

export function listenUrl(session: string): string {
  return `${LISTEN_SCHEME}//${session}`;
}

/** RFC 9110 §7.6.1, and what each side sets anew for its own connection. */
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

/** The headers that go on to the other end. `Connection` may name more that do not. */
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
  // RFC 9110 §5.1 and §5.5: what is none would make no response.
  name: z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/, { error: "is no header name" }),
  value: z
    .string()
    .max(16_384)
    .regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, { error: "is no header value" }),
});
export type ListenHeader = z.infer<typeof headerSchema>;

export const listenIdSchema = z
  .string()
  .regex(/^\d{1,15}-\d{1,15}$/, { error: "is no id of a request" })
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
    session: z.string().describe("names it below /v1/listen; no secret without the API's token"),
    token: z.string().describe("the last part of `url`: whoever knows it can send to it"),
    url: z.string().describe("what comes here, with any method and any path below, is forwarded"),
    webhook_id: z
      .string()
      .nullable()
      .describe("the temporary webhook; null where no owner is named"),
    secret: z.string().nullable().describe("signs what the temporary webhook gets"),
    expires_in_s: z.int().describe("without a sign of the client it ends after so long"),
  })
  .meta({ id: "ListenSession" });
export type ListenSession = z.infer<typeof listenSessionSchema>;

export const listenRequestSchema = z
  .object({
    id: listenIdSchema,
    source: z.enum(["caller", "delivery"]).describe("sent to the url, or by Fluxhook itself"),
    method: z.string(),
    path: z.string().describe("what stands behind the url, with its query; may be empty"),
    headers: z.array(z.object({ name: z.string(), value: z.string() })),
    body: z.string().describe("base64"),
  })
  .meta({ id: "ListenRequest" });
export type ListenRequest = z.infer<typeof listenRequestSchema>;

export const listenBatchSchema = z
  .object({
    requests: z.array(listenRequestSchema).describe("the oldest first"),
    expired: z.int().describe("requests of this session that have waited too long and are gone"),
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
