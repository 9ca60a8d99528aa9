// /v1/rejected: the elements that were no valid events, with their bytes and the reason.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { apiOnly } from "./auth.ts";
import type { ApiDeps } from "./deps.ts";
import { json, problems, type Api } from "./openapi.ts";
import { nextCursorSchema, pageQuery } from "./page.ts";

const rejectedSchema = z
  .object({
    reason: z.string().meta({ example: "not-json" }),
    field: z.string().nullable().describe("the field at fault; null where it is the whole"),
    message: z.string().describe("what was found and what is accepted"),
    queue: z.string().describe("the list it was taken from"),
    size: z.int().describe("bytes of the element"),
    rejected_at: z.string().describe("RFC 3339"),
    raw: z.string().optional().describe("the element, where it is UTF-8"),
    raw_base64: z.string().optional().describe("the element, where it is not"),
  })
  .meta({ id: "Rejected" });

// An element may have 256 KiB, so a page is short unless asked otherwise.
// The store's cursor is how many to pass over.
const page = pageQuery({ defaultLimit: 20, isCursor: (text) => /^\d{1,9}$/.test(text) });

export function addRejected(api: Api, { stores }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/rejected",
      summary: "Elements that were no valid events, newest first",
      tags: ["events"],
      middleware: [apiOnly],
      request: { query: z.object(page) },
      responses: {
        200: json(
          z.object({ rejected: z.array(rejectedSchema), next_cursor: nextCursorSchema }),
          "one page",
        ),
        ...problems(401, 404, 422, 500, 503),
      },
    }),
    async (c) => {
      const { cursor, limit } = c.req.valid("query");
      const read = await stores.rejected.list(cursor ?? null, limit);
      const rejected = read.rejected as z.infer<typeof rejectedSchema>[];
      return c.json({ rejected, next_cursor: read.next }, 200);
    },
  );
}
