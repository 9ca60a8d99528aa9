// A page of a list whose elements may be large: bounded in bytes, for what reads it does so in one
// turn of the event loop.
import type { StoreLink } from "./connection/link.ts";
import { Script } from "./connection/script.ts";
import pageText from "./scripts/page.lua" with { type: "text" };

const pageScript = new Script(pageText);

/** Read and written as JSON in about 10 ms. */
const PAGE_BYTES = 1024 * 1024;
/** A single element may be larger. */
const DEADLINE_MS = 5_000;

/** From an index (negative: from the tail) towards the tail or the head. At least one where one is. */
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
