// Reads a page of a list whose elements may be large. A page is bounded in bytes, because its reader handles it
// in one turn of the event loop.
import type { StoreLink } from "./connection/link.ts";
import { Script } from "./connection/script.ts";
import pageText from "./scripts/page.lua" with { type: "text" };

const pageScript = new Script(pageText);

/** Parsing and writing this much JSON takes about 10 ms. */
const PAGE_BYTES = 1024 * 1024;
/** A single element may be larger than a page, and takes longer. */
const DEADLINE_MS = 5_000;

/** Reads from an index (negative: from the tail) towards the tail or the head; at least one if there is one. */
export async function readPage(
  link: StoreLink,
  key: string,
  { from, towards, max }: { from: number; towards: "tail" | "head"; max: number },
): Promise<Buffer[]> {
  const step = towards === "tail" ? 1 : -1;
  const page = await link.run(
    (client) => pageScript.run(client, [key], [from, step, max, PAGE_BYTES]),
    DEADLINE_MS,
  );
  return page as Buffer[];
}
