// An entry of the audit: who did what to what.
import { z } from "zod";

export const auditEntrySchema = z
  .object({
    id: z.string(),
    at: z.string().describe("RFC 3339"),
    action: z.string().describe("`webhook.created`, `token.revoked`, …").meta({
      example: "webhook.secret_rotated",
    }),
    by: z
      .object({
        kind: z
          .enum(["api", "dashboard", "owner", "key", "operator"])
          .describe(
            "the kind of token, as in `GET /v1/me`; `operator`, for an owner: whoever has the API token or a " +
              "dashboard token",
          ),
        id: z
          .string()
          .nullable()
          .describe("of the token; of an API token its place in FLUXHOOK_API_TOKEN"),
        name: z.string().nullable().describe("of the token, if it was given one"),
      })
      .describe("whose token the request carried"),
    user_id: z.string().optional().describe("whose thing it was"),
    org_id: z.string().optional(),
    about: z
      .string()
      .nullable()
      .describe("the id of the webhook, delivery, API key, workflow or session"),
    details: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]))
      .describe("what else there is to say: the changed fields, how many; never a secret"),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof auditEntrySchema>;
