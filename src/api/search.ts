// GET /v1/search: finds a webhook, an owner, a delivery or an event by whatever its reader has at hand.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { MAX_FOUND, type Found } from "../control/search.ts";
import { boundedText } from "../wire/bounded-text.ts";
import { ownerFields } from "../wire/live.ts";
import { ownerOf } from "../wire/webhook.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";

const MAX_TEXT = 256;

const searchQuery = z.strictObject({
  q: boundedText(MAX_TEXT, "must be a string")
    .min(1, { error: "must not be empty" })
    .describe("an id, exactly; or a part of a webhook's url or description, or of its owner's id"),
});

const foundSchema = z
  .object({
    kind: z
      .string()
      .describe("`webhook`, `owner`, `delivery` or `event`")
      .meta({ example: "webhook" }),
    user_id: z.string().optional(),
    org_id: z.string().optional(),
    webhook_id: z.string().optional().describe("of a webhook or a delivery"),
    url: z.string().optional().describe("of a webhook"),
    description: z.string().optional().describe("of a webhook"),
    enabled: z.boolean().optional().describe("of a webhook"),
    webhooks: z.int().optional().describe("of an owner: how many it has"),
    attempts: z.int().optional().describe("of an owner: how many its log has"),
    delivery_id: z
      .string()
      .optional()
      .describe("of a delivery; of an event, one of its deliveries"),
    state: z
      .string()
      .optional()
      .describe("of a delivery: `scheduled`, `parked` or `recent` (it has ended or is in flight)"),
    id: z.string().optional().describe("of a delivery or an event: the event's id"),
    event: z.string().nullable().optional().describe("of an event: its type"),
  })
  .meta({ id: "Found" });

export function addSearch(api: Api, { stores }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/search",
      summary: "Find a webhook, an owner, a delivery or an event",
      description:
        `At most ${MAX_FOUND}. Ids are found exactly: those of webhooks and owners always, that of an ` +
        "attempt while its delivery waits or is among its owner's last ones, that of an event among the " +
        "newest 500 parked deliveries and, with a scoped token, in the owner's log. Parts are looked for " +
        "in up to 2,000 webhooks; `partial` is true if there may be more. A scoped token finds only what " +
        "belongs to its owner.",
      tags: ["operations"],
      request: { query: searchQuery },
      responses: {
        200: json(
          z.object({ found: z.array(foundSchema), partial: z.boolean() }),
          "the best match first: exact ids before parts",
        ),
        ...problems(401, 422, 500, 503),
      },
    }),
    async (c) => {
      const { principal } = c.var;
      const only = principal.kind === "owner" ? principal.owner : null;
      const text = c.req.valid("query").q.trim();
      const { found, isPartial } = await stores.search.find(text, only);
      return c.json({ found: found.map(toPublic), partial: isPartial }, 200);
    },
  );
}

function toPublic(found: Found): z.infer<typeof foundSchema> {
  const { kind } = found;
  switch (kind) {
    case "webhook": {
      const { id, url, description, enabled } = found.record;
      const owner = ownerFields(ownerOf(found.record));
      return { kind, ...owner, webhook_id: id, url, description, enabled };
    }
    case "owner": {
      const { owner, webhooks, attempts } = found;
      return { kind, ...ownerFields(owner), webhooks, attempts };
    }
    case "delivery": {
      const { deliveryId, located } = found;
      const { header, state } = located;
      const { webhook_id, id } = header;
      return {
        kind,
        ...ownerFields(header.owner),
        webhook_id,
        delivery_id: deliveryId,
        state,
        id,
      };
    }
    case "event": {
      const { owner, id, event, deliveryId } = found;
      return { kind, ...ownerFields(owner), delivery_id: deliveryId, id, event };
    }
  }
}
