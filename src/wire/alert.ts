// Alerts: what Fluxhook tells its operator, and an owner about its own webhooks (docs/operations.md, "Alerts").
import { z } from "zod";

export const ALERT_KINDS = [
  "delivery.parked",
  "delivery.blocked",
  "webhook.disabled",
  "webhook.recovered",
  "queue.delayed",
  "parked.fell_out",
  "rejected.fell_out",
  "item.unreadable",
  "key.wrong_type",
] as const;

export type AlertKind = (typeof ALERT_KINDS)[number];

/** What a webhook may be told about its owner's other webhooks: it has to name the type in its `events`. */
export const OWNER_ALERTS = ["webhook.disabled", "delivery.parked"] as const satisfies AlertKind[];

export function isOwnerAlert(kind: string): boolean {
  return (OWNER_ALERTS as readonly string[]).includes(kind);
}

/** What the ids of alerts begin with: events that tell of one have the alert's id. */
export const ALERT_ID_PREFIX = "alert_";

export const alertSchema = z
  .object({
    id: z.string(),
    kind: z.string().describe("`delivery.parked`, `webhook.disabled`, …").meta({
      example: "webhook.disabled",
    }),
    message: z.string(),
    webhook_id: z.string().optional(),
    user_id: z.string().optional(),
    org_id: z.string().optional(),
    queue: z.string().optional().describe("the list, of an alert that is about no webhook"),
    reason: z.string().optional().describe("`http-500`, `gone`, …"),
    event_id: z.string().optional().describe("the event whose delivery it was"),
    at: z.string().describe("RFC 3339"),
  })
  .meta({ id: "Alert" });

/** As it is stored, published and sent to `FLUXHOOK_ALERT_URL`. */
export type Alert = z.infer<typeof alertSchema>;
