// A webhook's url at saving, judged by the guard that judges it again at every attempt: what could
// never be delivered to is told to the user at once.
import { Deadline } from "../../deadline.ts";
import type { Guard } from "../../delivery/guard/guard.ts";
import { readTarget } from "../../delivery/guard/target.ts";
import type { FieldError } from "../http/problem.ts";

const JUDGED_WITHIN_MS = 3_000;

/**
 * Null where it may be saved. So may a name that does not resolve now: its DNS may come later, and
 * nothing is dialled that an attempt did not judge.
 */
export async function checkUrl(guard: Guard, url: string): Promise<FieldError | null> {
  const deadline = new Deadline(JUDGED_WITHIN_MS);
  try {
    const verdict = await guard.check(readTarget(url), deadline);
    return verdict.verdict === "blocked"
      ? { field: "url", code: "blocked_address", message: verdict.message }
      : null;
  } finally {
    deadline.clear();
  }
}
