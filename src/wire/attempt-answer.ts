// An attempt in full as the API answers it (docs/attempts.md).
import { z } from "zod";
import { certificateSchema, timingSchema } from "./attempt-detail.ts";
import { logEntrySchema } from "./log-entry.ts";

/** `nullable()` would repeat the schema in the OpenAPI document; this refers to it. */
function orNull<S extends z.ZodType>(schema: S) {
  return z.union([schema, z.null()]);
}

const headers = z
  .array(z.object({ name: z.string(), value: z.string() }))
  .describe("in the order in which they were sent; `***` stands for a credential");

const requestSchema = z
  .object({
    is_sent: z.boolean().describe("false: the attempt failed before a request was written"),
    method: z.literal("POST"),
    target: z.string().nullable().describe("path, and `?***` for a query; null if it was not sent"),
    headers,
    body: z
      .string()
      .nullable()
      .describe(
        "the text whose UTF-8 is the body, byte for byte, so compare it as text: JSON parsers round big integers. null if it is not known",
      ),
    body_missing: z
      .enum(["too-large", "in-flight", "not-kept"])
      .nullable()
      .describe(
        "why there is no body: its event is larger than 16 KiB; its next attempt is under way; or it is no longer kept",
      ),
    size: z.int().nullable().describe("bytes of the body"),
  })
  .meta({ id: "SentRequest" });

const responseSchema = z
  .object({
    status: z.int(),
    status_text: z.string(),
    headers,
    is_head_cut: z.boolean().describe("there were more headers than are kept (2 KiB)"),
    excerpt: z
      .string()
      .nullable()
      .describe("the beginning of the body (`FLUXHOOK_LOG_DETAIL` bytes), if it is UTF-8"),
    excerpt_base64: z.string().optional().describe("the same, if it is not UTF-8"),
    is_text: z.boolean(),
    is_cut: z.boolean().describe("more of the body arrived than is kept"),
    size: z.int().describe("bytes of the body that arrived; at most a little more than 16 KiB"),
  })
  .meta({ id: "ReceivedResponse" });

const failureSchema = z
  .object({
    phase: z
      .enum(["resolve", "connect", "tls", "response"])
      .nullable()
      .describe("in which phase the attempt failed; null if nothing was begun"),
    code: z.string().nullable().describe("the error's code, such as `ENOTFOUND`"),
    timeout_ms: z.int().nullable().describe("the time-out, if it was over"),
    certificate: orNull(certificateSchema).describe(
      "the receiver's, if the attempt failed because of it and it could be looked at",
    ),
  })
  .meta({ id: "AttemptFailure" });

/** What is known of one attempt beside its log entry. */
export const attemptPartsSchema = z.object({
  request: orNull(requestSchema).describe("null if nothing of it is kept"),
  response: orNull(responseSchema).describe("null if there was none, or none is kept"),
  timing: orNull(timingSchema).describe("null if it is not kept"),
  failure: orNull(failureSchema).describe("null if there was a response, or nothing is kept"),
});
export type AttemptParts = z.infer<typeof attemptPartsSchema>;

export const DELIVERY_STATES = ["scheduled", "in-flight", "parked", "ended", "unknown"] as const;

export const REDELIVER_REFUSALS = [
  "in-flight",
  "webhook-disabled",
  "webhook-deleted",
  "body-not-kept",
  "not-kept",
  "test",
] as const;

export const attemptInFullSchema = attemptPartsSchema
  .extend({
    delivery_id: z.string().describe("as it was asked for, in lower case"),
    webhook_id: z.string(),
    attempt: orNull(logEntrySchema).describe(
      "its entry of the log; null if it is neither there nor among the webhook's failures",
    ),
    attempts: z
      .array(logEntrySchema)
      .describe("the attempts of the same delivery that are still known, the oldest first"),
    state: z
      .enum(DELIVERY_STATES)
      .describe(
        "of the delivery: `scheduled` waits for its next attempt; `parked` is not tried again by itself; `ended` was delivered, redelivered, or has fallen out; `unknown`: what came after is no longer kept",
      ),
    next_attempt_at: z.string().nullable().describe("RFC 3339; set if the state is `scheduled`"),
    remaining_attempts: z
      .int()
      .nullable()
      .describe("how many attempts the schedule has left; null unless it is scheduled"),
    parked_until: z.string().nullable().describe("RFC 3339; set if the state is `parked`"),
    redeliver: z.object({
      possible: z.boolean(),
      why_not: z
        .enum(REDELIVER_REFUSALS)
        .nullable()
        .describe(
          "`body-not-kept`: its event is larger than 16 KiB; `not-kept`: it is no longer known; `test`: send another one",
        ),
    }),
  })
  .meta({ id: "AttemptInFull" });

export const signatureCheckSchema = z
  .object({
    signature_matches: z.boolean().describe("whether every signature matches a secret of now"),
    signed_content: z
      .string()
      .describe("what `webhook-signature` covers: `webhook-id`.`webhook-timestamp`.body"),
    signatures: z.array(
      z.object({
        header: z.string(),
        matches: z.boolean(),
        secret: z
          .enum(["newest", "previous"])
          .nullable()
          .describe("which secret made it; `previous`: one before the newest that still signs"),
        signed_prefix: z.string().describe("the text that is signed before the body"),
      }),
    ),
  })
  .meta({ id: "SignatureCheck" });

export const signedAgainSchema = z
  .object({
    url: z.string().describe("the webhook's, as it is now"),
    headers,
    body: z.string(),
    curl: z.string().describe("the same as a command for a POSIX shell"),
  })
  .meta({ id: "SignedAgain" });

export type AttemptInFull = z.infer<typeof attemptInFullSchema>;
export type SignedAgain = z.infer<typeof signedAgainSchema>;
export type SignatureCheck = z.infer<typeof signatureCheckSchema>;
