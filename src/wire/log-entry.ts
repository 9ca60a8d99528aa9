// One attempt in the public log (docs/design.md §2.2). Other services read the entries with LRANGE.
import { z } from "zod";

/** Why an attempt did not deliver. `http-<status>` is for any response that is not 2xx. */
export const ATTEMPT_REASONS = [
  "timeout",
  "connection-refused",
  "connection-reset",
  "connection-failed",
  "dns",
  "tls-expired",
  "tls-untrusted",
  "tls-wrong-name",
  "tls",
  "proxy",
  "proxy-timeout",
  "receiver-unreachable",
  "blocked-address",
  "bad-response",
  "gone",
] as const;

export const logEntrySchema = z
  .object({
    delivery_id: z
      .string()
      .describe(
        "UUID of this attempt, as in the delivery header; it identifies the delivery to redeliver",
      ),
    webhook_id: z.string(),
    id: z.string().describe("the event's id, by which receivers detect duplicates"),
    endpoint: z.string().describe("the webhook's url without query string and credentials"),
    event: z.string().describe("the event type"),
    status_code: z.int().nullable().describe("null if there was no response"),
    duration_ms: z
      .number()
      .describe("from the start of the attempt to the response headers, in ms"),
    attempt: z.int().describe("1 for the first"),
    outcome: z
      .enum(["delivered", "retry", "parked", "unreadable"])
      .describe(
        "`unreadable`: not an attempt, but an element that another program put into the log; the other fields are empty and `raw` holds the element",
      ),
    reason: z
      .string()
      .nullable()
      .describe(
        "why it was not delivered: `timeout`, `dns`, `http-500`, …; null if it was delivered",
      ),
    redirect_host: z
      .string()
      .max(253)
      .optional()
      .describe(
        "the host that a redirect (`http-3xx`) points to; absent if it may be an internal one, and for every other attempt",
      ),
    next_attempt_at: z.string().nullable().describe("RFC 3339; set if the outcome is `retry`"),
    timestamp: z.string().describe("RFC 3339, when the attempt began"),
    message: z.string().optional().describe("for `unreadable`: what is wrong with the element"),
    raw: z.string().optional().describe("for `unreadable`: the element's first 4 KiB"),
    raw_base64: z.string().optional().describe("the same in base64, if it is not UTF-8"),
  })
  .meta({ id: "LogEntry" });

export type LogEntry = z.infer<typeof logEntrySchema>;
