// Seals webhooks that are stored in plain or under an older key under the first key, in the background after the start.
// Then the older key can be removed from FLUXHOOK_SECRET_KEY.
import { retryWhileAway, type Reconnecting } from "../valkey/connection/retry.ts";
import { ValkeyUnavailable } from "../valkey/connection/errors.ts";
import type { SealedPage, WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import type { WorkerLog } from "../log.ts";

export interface ResealOptions {
  store: Pick<WebhookStore, "sealPage">;
  link: Reconnecting;
  log: WorkerLog;
}

const KEYS_MISSING = "FLUXHOOK_SECRET_KEY does not hold the keys that sealed them; add those keys";
/** Logs progress every this many webhooks, for an operator who waits to remove a key. */
const REPORT_EVERY = 1_000;

/** Reseals all webhooks. Never throws. At the end it logs `secrets.sealed` with `done`, or `secrets.unreadable`. */
export async function resealStored({ store, link, log }: ResealOptions): Promise<void> {
  let webhooks = 0;
  let unreadable = 0;
  let reportedAt = 0;
  let after: string | null = null;
  try {
    if (!(await link.whenUp())) return;
    do {
      const from: string | null = after;
      // After an outage it repeats the page, and skips the webhooks that are sealed already.
      const page: SealedPage = await retryWhileAway(link, () => store.sealPage(from));
      webhooks += page.sealed;
      unreadable += page.unreadable;
      after = page.next;
      if (after !== null && webhooks - reportedAt >= REPORT_EVERY) {
        reportedAt = webhooks;
        log.info({ webhooks, done: false }, "secrets.sealed");
      }
    } while (after !== null);
  } catch (error) {
    // The process stops before all are sealed; the next process continues.
    if (error instanceof ValkeyUnavailable) return;
    log.error({ err: error, webhooks }, "secrets.sealing_failed");
    return;
  }
  if (unreadable === 0) log.info({ webhooks, done: true }, "secrets.sealed");
  else log.error({ webhooks, unreadable, hint: KEYS_MISSING }, "secrets.unreadable");
}
