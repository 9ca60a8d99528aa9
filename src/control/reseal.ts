// Seals webhooks and workflows that are stored in plain or under an older key under the first key, in the background after the start.
// Then the older key can be removed from FLUXHOOK_SECRET_KEY.
import { retryWhileAway, type Reconnecting } from "../valkey/connection/retry.ts";
import { ValkeyUnavailable } from "../valkey/connection/errors.ts";
import type { SealedPage, WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import type { WorkerLog } from "../log.ts";

export interface ResealOptions {
  /** By what the log calls their records. */
  stores: Readonly<Record<string, Pick<WebhookStore, "sealPage">>>;
  link: Reconnecting;
  log: WorkerLog;
}

const KEYS_MISSING = "FLUXHOOK_SECRET_KEY does not hold the keys that sealed them; add those keys";
/** Logs progress every this many records, for an operator who waits to remove a key. */
const REPORT_EVERY = 1_000;

/** Reseals all records. Never throws. At the end it logs `secrets.sealed` with `done`, or `secrets.unreadable`. */
export async function resealStored({ stores, link, log }: ResealOptions): Promise<void> {
  const counts = Object.fromEntries(Object.keys(stores).map((name) => [name, 0]));
  let unreadable = 0;
  let unreported = 0;
  try {
    if (!(await link.whenUp())) return;
    for (const [name, store] of Object.entries(stores)) {
      let after: string | null = null;
      do {
        const from: string | null = after;
        // After an outage it repeats the page, and skips the records that are sealed already.
        const page: SealedPage = await retryWhileAway(link, () => store.sealPage(from));
        counts[name] = (counts[name] ?? 0) + page.sealed;
        unreported += page.sealed;
        unreadable += page.unreadable;
        after = page.next;
        if (after !== null && unreported >= REPORT_EVERY) {
          unreported = 0;
          log.info({ ...counts, done: false }, "secrets.sealed");
        }
      } while (after !== null);
    }
  } catch (error) {
    // The process stops before all are sealed; the next process continues.
    if (error instanceof ValkeyUnavailable) return;
    log.error({ err: error, ...counts }, "secrets.sealing_failed");
    return;
  }
  if (unreadable === 0) log.info({ ...counts, done: true }, "secrets.sealed");
  else log.error({ ...counts, unreadable, hint: KEYS_MISSING }, "secrets.unreadable");
}
