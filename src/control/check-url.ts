// Checks a webhook's url when it is saved, with the guard that checks it again at every attempt. A user
// learns at once that deliveries to an address are denied.
import { Deadline } from "../deadline.ts";
import type { Guard } from "../delivery/guard/guard.ts";
import { readTarget } from "../delivery/guard/target.ts";

const CHECK_WITHIN_MS = 3_000;

/**
 * Returns why deliveries to `url` are denied, or null if it may be saved. A name that does not resolve
 * now may be saved: its DNS may come later, and no attempt dials an address that it did not check.
 */
export async function checkUrl(guard: Guard, url: string): Promise<string | null> {
  const deadline = new Deadline(CHECK_WITHIN_MS);
  try {
    const verdict = await guard.check(readTarget(url), deadline);
    return verdict.verdict === "blocked" ? verdict.message : null;
  } finally {
    deadline.clear();
  }
}
