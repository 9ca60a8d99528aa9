// GET /v1/audit: who created, changed, revealed, redelivered or revoked what.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { MAX_AUDIT_ENTRIES, type StoredAuditEntry } from "../valkey/history/audit-store.ts";
import { auditEntrySchema, type AuditEntry } from "../wire/audit.ts";
import { ownerIdSchema, splitOwnerRef } from "../wire/owner.ts";
import { noSuchOwner } from "./auth/no-such-owner.ts";
import { ownersAsked } from "./auth/owners-asked.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./http/openapi.ts";
import { nextCursorSchema, pageQuery, positionIn } from "./http/page.ts";

/** The id of an entry of a stream. */
const POSITION = /^\d{1,20}-\d{1,20}$/;

const auditQuery = z.strictObject({
  user_id: ownerIdSchema.optional().describe("only what was done to this user's things"),
  org_id: ownerIdSchema.optional().describe("only what was done to this organisation's things"),
  action: z
    .string()
    .regex(/^[a-z_]{1,32}(?:\.[a-z_]{1,32})?$/, { error: "must be an action, such as webhook" })
    .optional()
    .describe("only this action, or all of a kind: `webhook.created`, `webhook`"),
  ...pageQuery({ defaultLimit: 50, position: POSITION }),
});

export function addAudit(api: Api, { stores }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/audit",
      summary: "List who did what, newest first",
      description:
        `The last ${MAX_AUDIT_ENTRIES.toLocaleString("en")} actions are kept. A scoped token sees what was ` +
        "done to its owner's things. Pushed events are not in it. If few entries match, a page may have " +
        "fewer than `limit`, even none, and still a `next_cursor`.",
      tags: ["tokens"],
      request: { query: auditQuery },
      responses: {
        200: json(
          z.object({ audit: z.array(auditEntrySchema), next_cursor: nextCursorSchema }),
          "one page",
        ),
        ...problems(401, 404, 422, 500, 503),
      },
    }),
    async (c) => {
      const { principal } = c.var;
      const { cursor, limit, action, ...asked } = c.req.valid("query");
      const owners = ownersAsked(principal, asked);
      if (owners === "hidden") return noSuchOwner(c);
      const matches = (entry: StoredAuditEntry) =>
        (owners === null || (entry.owner !== null && owners.includes(entry.owner))) &&
        (action === undefined || entry.action === action || entry.action.startsWith(`${action}.`));
      const after = cursor === undefined ? null : positionIn(cursor);
      const { entries, next } = await stores.audit.list(matches, { after, limit });
      const isOperator = principal.kind === "api";
      return c.json(
        {
          audit: entries.map((entry) => toPublic(entry, isOperator)),
          next_cursor: next && Buffer.from(next).toString("base64url"),
        },
        200,
      );
    },
  );
}

function toPublic(entry: StoredAuditEntry, isOperator: boolean): AuditEntry {
  const { owner, by, ...rest } = entry;
  const isTheOperators = by.kind === "api" || by.kind === "dashboard";
  const named = owner === null ? null : splitOwnerRef(owner);
  return {
    ...rest,
    ...(named && { [`${named.kind}_id`]: named.id }),
    // An owner does not learn the names of the people who operate the service.
    by: isTheOperators && !isOperator ? { kind: "operator", id: null, name: null } : by,
  };
}
