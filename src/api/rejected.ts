// /v1/rejected: lists elements that were not valid events, with their bytes and the reason, and pushes them
// onto their queues again.
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { noteForAudit } from "./auth/audit.ts";
import { apiOnly } from "./auth/authenticate.ts";
import { jsonBody, SMALL_BODY_BYTES } from "./http/body.ts";
import type { ApiDeps } from "./deps.ts";
import { json, jsonInput, problems, type Api } from "./http/openapi.ts";
import { nextCursorSchema, pageQuery } from "./http/page.ts";

const tags = ["events"];
const MAX_AT_ONCE = 1_000;

const rejectedSchema = z
  .object({
    id: z
      .string()
      .describe("to requeue it by; a hash of the record, which is stored without an id")
      .meta({ example: "5f0c3a527d0e4c7c" }),
    reason: z
      .string()
      .describe("`unreadable`: another program put something else into the list")
      .meta({ example: "not-json" }),
    field: z
      .string()
      .nullable()
      .describe("the invalid field; null if the whole element is invalid"),
    message: z.string().describe("what was found and what is accepted"),
    queue: z.string().nullable().describe("the list it was taken from; null if unreadable"),
    size: z.int().describe("bytes of the element"),
    cut: z
      .literal(true)
      .optional()
      .describe("only its first bytes were kept; such an element cannot be requeued"),
    rejected_at: z.string().nullable().describe("RFC 3339; null if unreadable"),
    raw: z.string().optional().describe("the element, if it is UTF-8"),
    raw_base64: z.string().optional().describe("the element in base64, if it is not UTF-8"),
  })
  .meta({ id: "Rejected" });

const requeueSchema = z
  .strictObject({
    ids: z
      .array(
        z
          .string()
          .regex(/^[0-9a-f]{16}$/, { error: "must be the `id` of one of GET /v1/rejected" }),
      )
      .min(1)
      .max(MAX_AT_ONCE)
      .optional()
      .describe("requeue these; ids that are no longer there are skipped"),
    all: z.literal(true).optional().describe("requeue all, the oldest first"),
    limit: z
      .int()
      .min(1)
      .max(MAX_AT_ONCE)
      .default(MAX_AT_ONCE)
      .describe("requeue at most this many"),
  })
  .refine((input) => (input.ids === undefined) !== (input.all === undefined), {
    error: 'give either "ids" or "all":true',
    path: ["ids"],
  })
  .meta({ id: "RequeueRejected", oneOf: [{ required: ["ids"] }, { required: ["all"] }] });

// An element may have 256 KiB, so the default page is short. The store's cursor is how many to skip.
const page = pageQuery({ defaultLimit: 20, cursor: /^\d{1,9}$/ });

export function addRejected(api: Api, { stores }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/v1/rejected",
      summary: "List elements that were not valid events, newest first",
      description:
        "A page of large elements ends after about 1 MiB, with fewer elements than `limit`.",
      tags,
      middleware: [apiOnly],
      request: { query: z.strictObject(page) },
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
  api.openapi(
    createRoute({
      method: "post",
      path: "/v1/rejected/requeue",
      summary: "Push rejected elements onto their queues again, unchanged",
      description:
        "Use it after the producer or a setting was corrected; an element that is still not a valid " +
        "event is rejected again. Each element is moved in one step. In a Valkey Cluster, where the " +
        "lists are in different slots, it is pushed first and then removed, so a crash in between " +
        "pushes it twice. An element that was not kept whole stays, and so does one from a list that " +
        "is no longer served.",
      tags,
      middleware: [apiOnly, jsonBody(SMALL_BODY_BYTES)],
      request: { body: jsonInput(requeueSchema) },
      responses: {
        200: json(
          z.object({
            requeued: z.int(),
            remaining: z.int().describe("how many more the same request would requeue"),
          }),
          "what was done",
        ),
        ...problems(400, 401, 404, 413, 415, 422, 500, 503),
      },
    }),
    async (c) => {
      const { ids, limit } = c.req.valid("json");
      const { requeue } = stores;
      const done = ids ? await requeue.named(ids, limit) : await requeue.oldest(limit);
      noteForAudit(c, { details: { requeued: done.requeued } });
      return c.json(done, 200);
    },
  );
}
