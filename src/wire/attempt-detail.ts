// An attempt in full, as it is kept beside its body: what was sent and answered, and how long each part took.
// Credentials are masked before it is stored (guarantee 9). The API's answer is made from it.
import { z } from "zod";

/** What a masked value is replaced by. */
export const MASK = "***";

export const certificateSchema = z
  .object({
    valid_from: z.string().nullable().describe("RFC 3339"),
    valid_to: z.string().nullable().describe("RFC 3339"),
    names: z.array(z.string()).describe("the names and addresses it is for, at most 8 of them"),
    issuer: z.string().describe("who signed it; empty if it does not say"),
    is_self_signed: z.boolean(),
  })
  .meta({ id: "ReceiverCertificate" });
export type ReceiverCertificate = z.infer<typeof certificateSchema>;

export const timingSchema = z
  .object({
    slot_ms: z
      .number()
      .describe(
        "waited for a free slot of the webhook, before the attempt began; 0 if it had to wait in Valkey",
      ),
    resolve_ms: z.number().describe("resolving the name; 0 if the answer was cached"),
    connect_ms: z.number().nullable().describe("TCP; null if an open connection was used"),
    tls_ms: z.number().nullable().describe("the TLS handshake; null if there was none"),
    response_ms: z
      .number()
      .nullable()
      .describe(
        "from the request to the response headers or the failure; null if no request was sent",
      ),
  })
  .meta({ id: "AttemptTiming" });
export type AttemptTiming = z.infer<typeof timingSchema>;

/** How Valkey holds it. Heads are in Latin-1, without their empty lines. */
export interface AttemptDetail {
  /** "" if nothing was sent. */
  request_head: string;
  /** "" if nothing was answered. */
  response_head: string;
  /** The head is cut off there. */
  is_head_cut?: true;
  /** The beginning of the response's body: as text, or in base64 if it is not UTF-8. */
  excerpt?: string;
  excerpt_base64?: string;
  /** Bytes of the response's body that arrived. */
  body_bytes: number;
  timing: AttemptTiming;
  /** Why there was no answer: `ENOTFOUND`, `CERT_HAS_EXPIRED`, …; never names an address. */
  code?: string;
  certificate?: ReceiverCertificate;
  /** The attempt's time-out in ms, if it was over. */
  timeout_ms?: number;
  /** The element of a test, which is not kept as those of deliveries are; "" if it is too large. */
  test_element?: string;
}
