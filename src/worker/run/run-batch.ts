// Runs a batch: every item of it is begun here, in the order in which it was claimed.
import type { Batch } from "../job.ts";
import { postpone } from "../settle/endings.ts";
import { route, WebhooksUnreadable, type RouteDeps } from "./route.ts";

/** How long events wait whose owner's webhooks cannot be read. */
const POSTPONE_MS = 5_000;

/** Returns when all items are on their way; their settlements end the claims. */
export function runBatch({ claims, items }: Batch, deps: RouteDeps): void {
  for (const { claim, slot } of items) {
    const onCrash = (error: unknown): void => {
      if (error instanceof WebhooksUnreadable) {
        deps.keyProblems.reportError(claims.queue, error);
        postpone(claims, claim, POSTPONE_MS);
        return;
      }
      // An exception is our fault, not the receiver's: the claim is left to be taken over.
      deps.attempts.log.error({ err: error, queue: claims.queue }, "claim.crashed");
      claims.release([claim]);
    };
    try {
      route(claims, claim, slot, deps).catch(onCrash);
    } catch (error) {
      onCrash(error);
    }
  }
}
