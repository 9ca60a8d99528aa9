// A paged list of the API, as one asynchronous iterable.
import type { Call, CallOptions, Transport } from "./transport.ts";

interface Page {
  next_cursor: string | null;
}

/**
 * The items of a list. It requests each page when the iteration reaches it, and nothing before. To
 * cancel, leave the loop or abort the `signal` of the call. Each iteration starts again at the first page.
 *
 * ```ts
 * for await (const webhook of flux.webhooks.list({ user_id: "u_1" })) console.log(webhook.url);
 * const all = await flux.webhooks.list({ user_id: "u_1" }).toArray();
 * ```
 */
export class Listing<Item> implements AsyncIterable<Item> {
  readonly #pages: () => AsyncGenerator<Item[], void, undefined>;

  /** Created by the client's `list` methods. */
  constructor(pages: () => AsyncGenerator<Item[], void, undefined>) {
    this.#pages = pages;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for await (const items of this.#pages()) yield* items;
  }

  /** Yields the items page by page. */
  pages(): AsyncGenerator<Item[], void, undefined> {
    return this.#pages();
  }

  /** Returns all items, or the first `limit` items. */
  async toArray({ limit = Number.POSITIVE_INFINITY }: { limit?: number } = {}): Promise<Item[]> {
    const all: Item[] = [];
    if (limit <= 0) return all;
    for await (const item of this) {
      all.push(item);
      if (all.length >= limit) break;
    }
    return all;
  }
}

/** `plural` is the member with a page's items (docs/design.md §2.5). */
export function listing<Item>(
  transport: Transport,
  path: string,
  plural: string,
  query: NonNullable<Call["query"]>,
  options: CallOptions = {},
): Listing<Item> {
  return new Listing(async function* pages() {
    let cursor: string | undefined;
    do {
      const page: Page & Record<string, unknown> = await transport.call(
        { method: "GET", path, query: { ...query, cursor }, isRepeatable: true },
        options,
      );
      yield page[plural] as Item[];
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  });
}
