// GET /v1/alerts: what Fluxhook has raised in the last days, to an owner what is about its webhooks.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { ALERT_ID_PREFIX, ALERT_KINDS, alertSchema, type Alert } from "../wire/alert.ts";
import { boundedText } from "../wire/bounded-text.ts";
import { ownerIdSchema } from "../wire/owner.ts";
import { noSuchOwner } from "./auth/no-such-owner.ts";
import { ownersAsked } from "./auth/owners-asked.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";
import { nextCursorSchema, pageQuery, positionIn } from "./http/page.ts";

const POSITION = new RegExp(`^${ALERT_ID_PREFIX}[0-9a-f]{32}$`);

const alertsQuery = z.strictObject({
  user_id: ownerIdSchema.optional().describe("only those about this user's webhooks"),
  org_id: ownerIdSchema.optional().describe("only those about this organisation's webhooks"),
  webhook_id: boundedText(128, "must be a string")
    .min(1)
    .optional()
    .describe("only those about this webhook"),
  kind: z
    .enum(ALERT_KINDS, { error: `must be one of ${ALERT_KINDS.join(", ")}` })
    .optional()
    .describe("only those of this kind"),
  ...pageQuery({ defaultLimit: 50, position: POSITION }),
});

export function addAlerts(api: Api, { stores }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/alerts",
      summary: "List the last alerts, newest first",
      description:
        "The last 1,000 are kept, for seven days. A scoped token sees those about its owner's webhooks. " +
        "With `user_id` and `org_id`, those of both.",
      tags: ["logs"],
      request: { query: alertsQuery },
      responses: {
        200: json(
          z.object({ alerts: z.array(alertSchema), next_cursor: nextCursorSchema }),
          "one page",
        ),
        ...problems(401, 404, 422, 500, 503),
      },
    }),
    async (c) => {
      const { cursor, limit, webhook_id: webhookId, kind, ...asked } = c.req.valid("query");
      const owners = ownersAsked(c.var.principal, asked);
      if (owners === "hidden") return noSuchOwner(c);
      const matches = (alert: Alert) =>
        (kind === undefined || alert.kind === kind) &&
        (webhookId === undefined || alert.webhook_id === webhookId) &&
        (owners === null || owners.some((owner) => isAbout(alert, owner)));
      const after = cursor === undefined ? null : positionIn(cursor);
      const page = await stores.alerts.list(matches, { after, limit });
      const next = page.next && Buffer.from(page.next).toString("base64url");
      return c.json({ alerts: page.alerts, next_cursor: next }, 200);
    },
  );
}

function isAbout({ user_id, org_id }: Alert, owner: string): boolean {
  return owner === `user:${user_id}` || owner === `org:${org_id}`;
}
