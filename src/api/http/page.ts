// Lists in pages: `?limit=&cursor=` is answered with `{"<plural>":[…],"next_cursor"}`.
import { z } from "zod";

const MAX_LIMIT = 100;
/** RFC 4648 §5; positions are short. */
const BASE64URL = /^[A-Za-z0-9_-]{1,256}$/;

/** The query parameters of every list. A cursor that no page can have returned is refused. */
export function pageQuery(list: {
  defaultLimit: number;
  /** The form of the cursor itself. */
  cursor?: RegExp;
  /** The form of the position that the cursor encodes. */
  position?: RegExp;
}) {
  const { cursor = BASE64URL, position } = list;
  const isCursor = (text: string) =>
    cursor.test(text) && (position?.test(positionIn(text)) ?? true);
  return {
    limit: z.coerce
      .number({ error: `must be a whole number from 1 to ${MAX_LIMIT}` })
      .int({ error: "must be a whole number" })
      .min(1, { error: "must be at least 1" })
      .max(MAX_LIMIT, { error: `must be at most ${MAX_LIMIT}` })
      .default(list.defaultLimit),
    cursor: z
      .string({ error: "must be given once" })
      .refine(isCursor, { error: "must be the next_cursor of an earlier page" })
      .optional()
      .describe("the `next_cursor` of the previous page")
      .meta({ pattern: cursor.source }),
  };
}

export const nextCursorSchema = z
  .string()
  .nullable()
  .describe("the `cursor` of the next page; null on the last page");

/**
 * Returns one page of items, which must be sorted by position. The cursor is the position of the last item
 * on the page, so the next page stays right when items before it are added or removed.
 */
export function pageOf<T>(
  items: readonly T[],
  position: (item: T) => string,
  page: { limit: number; cursor?: string },
): { items: T[]; next: string | null } {
  const after = page.cursor === undefined ? "" : positionIn(page.cursor);
  const rest = items.filter((item) => position(item) > after);
  const onPage = rest.slice(0, page.limit);
  const last = onPage.at(-1);
  const more = rest.length > onPage.length && last !== undefined;
  return {
    items: onPage,
    next: more ? Buffer.from(position(last)).toString("base64url") : null,
  };
}

/** Decodes the position from a cursor of `pageOf`. */
export function positionIn(cursor: string): string {
  return Buffer.from(cursor, "base64url").toString();
}
