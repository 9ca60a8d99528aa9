// Checks a webhook's url when it is saved, with the guard that checks it again at every attempt. A user
// learns at once that deliveries to an address are denied.
import { Deadline } from "../deadline.ts";
import type { Guard } from "../delivery/guard/guard.ts";
import { readTarget } from "../delivery/guard/target.ts";

const CHECK_WITHIN_MS = 3_000;

/** The verdict on a url that may become a webhook's; `message` is for the user who typed it. */
export interface UrlVerdict {
  verdict: "allowed" | "denied" | "unresolved";
  message: string | null;
}

/**
 * Returns why deliveries to `url` are denied, or null if it may be saved. A name that does not resolve
 * now may be saved: its DNS may come later, and no attempt dials an address that it did not check.
 */
export async function checkUrl(guard: Guard, url: string): Promise<string | null> {
  const { verdict, message } = await judgeUrl(guard, url);
  return verdict === "denied" ? message : null;
}

/** Says what saving a url would answer, and whether its name has an address now. */
export async function judgeUrl(guard: Guard, url: string): Promise<UrlVerdict> {
  const deadline = new Deadline(CHECK_WITHIN_MS);
  try {
    const verdict = await guard.check(readTarget(url), deadline);
    switch (verdict.verdict) {
      case "allowed":
        return { verdict: "allowed", message: null };
      case "blocked":
        return { verdict: "denied", message: verdict.message };
      case "unresolved":
        return { verdict: "unresolved", message: "the name cannot be resolved at the moment" };
    }
  } finally {
    deadline.clear();
  }
}
