// One attempt as the public log keeps it (DESIGN §2.2). Other services read these with LRANGE.
import { z } from "zod";

/** Why an attempt did not deliver. `http-<status>` stands for any answer that was no 2xx. */
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
    delivery_id: z.string().describe("UUID of this attempt, as in the delivery header"),
    webhook_id: z.string(),
    id: z.string().describe("the event's id, on which receivers dedupe"),
    endpoint: z.string().describe("the webhook's url without query string and credentials"),
    event: z.string().describe("the event type"),
    status_code: z.int().nullable().describe("null where no response came"),
    duration_ms: z.number().describe("from the start of the attempt to the response headers"),
    attempt: z.int().describe("1 for the first"),
    outcome: z
      .enum(["delivered", "retry", "parked", "unreadable"])
      .describe(
        "`unreadable`: no attempt, but an element that another program put into the log; its other fields are empty and `raw` has what it is",
      ),
    reason: z
      .string()
      .nullable()
      .describe("why it was not delivered: `timeout`, `dns`, `http-500`, …; null where it was"),
    redirect_host: z
      .string()
      .max(253)
      .optional()
      .describe(
        "the host that a redirect (`http-3xx`) leads to; absent where it may be an internal one, and for every other attempt",
      ),
    next_attempt_at: z.string().nullable().describe("RFC 3339; set where the outcome is `retry`"),
    timestamp: z.string().describe("RFC 3339, when the attempt began"),
    message: z.string().optional().describe("of `unreadable`: what is wrong with the element"),
    raw: z.string().optional().describe("of `unreadable`: the element's first 4 KiB"),
    raw_base64: z.string().optional().describe("the same, where it is not UTF-8"),
  })
  .meta({ id: "LogEntry" });

export type LogEntry = z.infer<typeof logEntrySchema>;
